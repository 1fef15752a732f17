"""Shortcut audit: can the label be told without reading what an output says?

A shallow model on surface features (length, markdown, opening words, language, source model, hedges) predicts the
final labels, cross-validated by prompt; another sees the prompt alone. What they find a trained model will find, too
(Geirhos et al. 2020, https://arxiv.org/abs/2004.07780; for length and reward models Singhal et al. 2023,
https://arxiv.org/abs/2310.03716). Many a rule is such a feature by design: then the audit says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from kto_data.balance.shortcut_model import (
    Floats,
    filled,
    fit_surface,
    prompt_folds,
    prompt_scores,
    surface_features,
)
from kto_data.balance.shortcut_warnings import shortcut_warnings
from kto_data.balance.surface import NUMBERS, SAMPLED_ROWS
from kto_data.balance.votes_of import votes_of
from kto_data.statistics.auc import auc, auc_interval
from kto_data.statistics.intervals import Interval
from kto_data.tables import add_view, database

FEWEST_ROWS = 40
_RESAMPLES = 200
_TOP = 12
_LEAST_SPREAD = 0.05
"""Lengths that vary by less are counted as varying by this: five percent are no difference that anybody sees."""
_CAUSE = 0.1
"""The least correlation of a labeler's votes with a feature that is told."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A labeler whose votes go with a feature.

    Attributes:
        labeler: Its name.
        correlation: Of its votes (+1, -1, 0) with the feature, in [-1, 1].
    """

    labeler: str
    correlation: float


@dataclass(frozen=True, slots=True)
class Feature:
    """A surface feature that foretells labels.

    Attributes:
        name: `words`, or a value such as `opening: i'm sorry`.
        coefficient: In the shallow model, for one standard deviation; above 0 it speaks for desirable.
        mean_desirable: The feature's mean over desirable rows (for a value: their share).
        mean_undesirable: ... and over undesirable rows.
        causes: Labelers whose votes go with it in the same direction, the strongest first.
    """

    name: str
    coefficient: float
    mean_desirable: float
    mean_undesirable: float
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class ShortcutAudit:
    """What could be learnt instead of the task.

    Attributes:
        n_rows: Rows that were looked at.
        surface: AUC of the shallow model on surface features; None where there are too few rows or prompts.
        prompt: AUC from the prompt alone.
        length: AUC of the completion's length alone, above 0.5 where desirable ones are longer.
        length_gap: Mean log length of desirable minus undesirable completions, in pooled standard deviations.
        mean_chars: Mean length of desirable and of undesirable completions, in characters.
        features: The features that matter most, the strongest first.
        warnings: What a reader should worry about, in sentences.
    """

    n_rows: int
    surface: Interval | None
    prompt: Interval | None
    length: float | None
    length_gap: float | None
    mean_chars: tuple[float, float] | None
    features: tuple[Feature, ...]
    warnings: tuple[str, ...]


def audit_shortcuts(
    *,
    rows: Path,
    selection: Path,
    profile: Path,
    seed: int,
    rule_blocks: Sequence[Path] = (),
    vote_blocks: Sequence[Path] = (),
) -> ShortcutAudit:
    """Return the audit of the train split (of the test split where there is no other).

    Args:
        rows: Parquet with `rows_schema`.
        selection: Parquet with `SELECTION`.
        profile: Parquet with `PROFILE`.
        seed: Of the sample and the intervals.
        rule_blocks: Wide blocks of rule votes, to name causes.
        vote_blocks: Long blocks of other votes.
    """
    with database(selection.parent) as con:
        for name, path in (("rows", rows), ("selection", selection), ("profile", profile)):
            add_view(con, name, path)
        found = _sample(con, seed)
        if not found["row_id"].size:
            return ShortcutAudit(0, None, None, None, None, None, (), ())
        votes = votes_of(con, list(found["row_id"]), rule_blocks, vote_blocks)
    from threadpoolctl import threadpool_limits

    # threads add in any order, and on matrices of this size cost more than they gain
    with threadpool_limits(1):
        return _audit(found, votes, np.random.default_rng(seed))


def _audit(
    found: dict[str, Any], votes: dict[str, npt.NDArray[np.int8]], random: np.random.Generator
) -> ShortcutAudit:
    label = found["label"].astype(np.bool_)
    names, x_ND = surface_features(found)
    folds = prompt_folds(found["prompt_id"])
    enough = len(label) >= FEWEST_ROWS and 0 < label.sum() < len(label) and len(set(folds)) > 1
    scores, coefficients = fit_surface(x_ND, label, folds) if enough else (None, None)
    chars = found["chars"].astype(np.float64)
    gap = _length_gap(chars, label)
    features = _top(names, x_ND, label, coefficients, votes) if coefficients is not None else ()
    surface = _interval(scores, label, found["prompt_id"], random)
    prompt = _interval(
        prompt_scores(found, label, folds) if enough else None, label, found["prompt_id"], random
    )
    return ShortcutAudit(
        len(label),
        surface,
        prompt,
        auc(chars, label),
        gap,
        (float(chars[label].mean()), float(chars[~label].mean())) if gap is not None else None,
        features,
        shortcut_warnings(
            surface, prompt, gap, [feature.name for feature in features[:3]], _by_model(found, label)
        ),
    )


def _sample(con: duckdb.DuckDBPyConnection, seed: int) -> dict[str, Any]:
    columns = ", ".join((*NUMBERS, "opening", "language"))
    con.execute(
        f"CREATE TABLE sampled AS SELECT row_id, label, prompt_id, source, model, {columns}, "  # noqa: S608 - columns of ours
        "list_aggregate(list_transform(prompt, lambda message: message.content), 'string_agg', chr(10))[:4000] AS prompt_text "
        "FROM selection JOIN rows USING (row_id) JOIN profile USING (row_id) "
        "WHERE split = (SELECT max(split) FROM selection) AND opening IS NOT NULL ORDER BY md5(? || row_id) LIMIT ?",
        [f"{seed}:", SAMPLED_ROWS],
    )
    return dict(con.execute("FROM sampled ORDER BY row_id").fetchnumpy())


def _interval(
    scores: Floats | None, label: npt.NDArray[np.bool_], prompt_ids: Any, random: np.random.Generator
) -> Interval | None:
    if scores is None:
        return None
    return auc_interval(scores, label, prompt_ids.astype(str), random, n_resamples=_RESAMPLES)


def _length_gap(chars: Floats, label: npt.NDArray[np.bool_]) -> float | None:
    if not 1 < label.sum() < len(label) - 1:
        return None
    up, down = np.log1p(chars[label]), np.log1p(chars[~label])
    spread = float(np.sqrt((up.var() + down.var()) / 2))
    return float(up.mean() - down.mean()) / max(spread, _LEAST_SPREAD)


def _top(
    names: list[str],
    x_ND: Floats,
    label: npt.NDArray[np.bool_],
    coefficients: Floats,
    votes: dict[str, npt.NDArray[np.int8]],
) -> tuple[Feature, ...]:
    features = []
    for index in np.argsort(-np.abs(coefficients), kind="stable")[:_TOP]:
        name, weight = names[index], float(coefficients[index])
        shown = x_ND[:, index] if name.endswith("share") or ": " in name else np.expm1(x_ND[:, index])
        features.append(
            Feature(
                name,
                weight,
                float(shown[label].mean()),
                float(shown[~label].mean()),
                _causes(x_ND[:, index], weight, votes),
            )
        )
    return tuple(features)


def _causes(x_N: Floats, weight: float, votes: dict[str, npt.NDArray[np.int8]]) -> tuple[Cause, ...]:
    found = []
    if x_N.std() > 0:
        for labeler, vote_N in votes.items():
            if vote_N.std() > 0:
                correlation = float(np.corrcoef(x_N, vote_N)[0, 1])
                if abs(correlation) >= _CAUSE and correlation * weight > 0:
                    found.append(Cause(labeler, correlation))
    return tuple(sorted(found, key=lambda cause: (-abs(cause.correlation), cause.labeler))[:3])


def _by_model(found: dict[str, Any], label: npt.NDArray[np.bool_]) -> dict[str, tuple[int, int]]:
    models = np.array([str(value) if value else "" for value in filled(found["model"])])
    return {
        str(model): (int(label[models == model].sum()), int((~label[models == model]).sum()))
        for model in np.unique(models[models != ""])
    }
