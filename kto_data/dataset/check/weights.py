"""Findings about balance, class weights and row weights."""

import math
from collections.abc import Iterator

import duckdb

from kto_data.balance.options import DEFAULT_TARGET
from kto_data.balance.shortcuts import ShortcutAudit
from kto_data.balance.statistics import BalanceStatistics
from kto_data.balance.weights import suggest_weights
from kto_data.dataset.check.finding import Finding

_TOLERANCE = 0.01


def check_weights(
    statistics: BalanceStatistics,
    con: duckdb.DuckDBPyConnection,
    *,
    desirable_weight: float,
    undesirable_weight: float,
    given: bool,
) -> Iterator[Finding]:
    """Find class and row weights that do not fit the rows.

    Args:
        statistics: Of the train split.
        con: With the table `checked`, for the row weights.
        desirable_weight: What the training will use.
        undesirable_weight: Likewise.
        given: Whether they were stated (by the user or a manifest) rather than a trainer's default of 1.
    """
    bad = con.execute(
        "SELECT row_id FROM checked WHERE NOT (isfinite(weight) AND weight >= 0) ORDER BY row_id LIMIT 5"
    ).fetchall()
    if bad:
        yield Finding(
            "bad_row_weights",
            "error",
            "Row weights must be finite numbers of at least 0.",
            "Mend the `weight` column, or leave it out.",
            examples=tuple(row_id for (row_id,) in bad),
        )
        return
    if not statistics.n_desirable or not statistics.n_undesirable:
        yield Finding(
            "one_class",
            "error",
            f"All {statistics.n_rows:,} train rows are {'desirable' if statistics.n_desirable else 'undesirable'}: KTO has nothing "
            "to tell apart.",
            "Add rows of the other label.",
            {"n_desirable": statistics.n_desirable, "n_undesirable": statistics.n_undesirable},
        )
        return
    yield from _row_weights(statistics)
    yield from _class_weights(statistics, desirable_weight, undesirable_weight, given)


def _class_weights(
    statistics: BalanceStatistics, desirable_weight: float, undesirable_weight: float, given: bool
) -> Iterator[Finding]:
    low, high = DEFAULT_TARGET
    best = suggest_weights(statistics)
    assert best.ratio_before is not None
    ratio = best.ratio_before * desirable_weight / undesirable_weight if undesirable_weight else math.inf
    figures = {
        "ratio": ratio if math.isfinite(ratio) else None,
        "desirable_weight": best.desirable_weight,
        "undesirable_weight": best.undesirable_weight,
    }
    if not low - _TOLERANCE <= ratio <= high + _TOLERANCE:
        with_these = (
            f"desirable_weight {desirable_weight:g} and undesirable_weight {undesirable_weight:g}"
            if given
            else "both weights at their default of 1"
        )
        yield Finding(
            "class_weights",
            "error" if not low / 4 <= ratio <= high * 4 else "warning",
            f"{statistics.n_desirable:,} desirable and {statistics.n_undesirable:,} undesirable rows with {with_these} stand "
            f"{ratio:.3g} to 1, outside the KTO paper's [1, 4/3].",
            f"Train with desirable_weight {best.desirable_weight:g}, undesirable_weight {best.undesirable_weight:g}.",
            figures,
        )
    if given and desirable_weight != 1 and undesirable_weight != 1:
        yield Finding(
            "neither_weight_is_one",
            "note",
            f"Neither class weight is 1 ({desirable_weight:g}, {undesirable_weight:g}): beside the ratio, this scales the learning rate.",
            "Fix one of them at 1.",
            figures,
        )
    for sentence in best.advice:
        yield Finding(
            "weights_alone_will_not_do", "note", sentence, "Do that before, or instead of, weighting."
        )


def _row_weights(statistics: BalanceStatistics) -> Iterator[Finding]:
    weight = statistics.weight
    mean = (weight.desirable + weight.undesirable) / statistics.n_rows
    if abs(mean - 1) > 0.05:
        yield Finding(
            "row_weights_mean",
            "warning",
            f"Row weights are {mean:.3g} on average, not 1: this scales the learning rate.",
            "Divide them by their mean.",
            {"mean": mean},
        )
    if mean and (weight.desirable, weight.undesirable) != (statistics.n_desirable, statistics.n_undesirable):
        yield Finding(
            "row_weights",
            "note",
            "The rows have weights of their own; TRL, LLaMA-Factory, axolotl and ms-swift ignore them.",
            "Train with `python -m kto_trainer`, or repeat rows by weight: `kto export --resample`.",
        )


def check_shortcuts(audit: ShortcutAudit) -> Iterator[Finding]:
    """Find what could be learnt instead of the task."""
    for sentence in audit.warnings:
        yield Finding(
            "shortcut",
            "warning",
            sentence,
            "Collect or keep rows in which this points the other way; `kto stats` lists the features.",
        )
