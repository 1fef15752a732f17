"""A suggestion for KTO's class weights, lambda_D and lambda_U.

Ethayarajh, Xu, Muennighoff, Jurafsky and Kiela (2024), "KTO: Model Alignment as Prospect Theoretic Optimization",
https://arxiv.org/abs/2402.01306: with n_D desirable and n_U undesirable examples, the weights are to be set such that
(lambda_D n_D) / (lambda_U n_U) lies in [1, 4/3] (Eq. 8 of v1) or [1, 3/2] (Eq. 9 of the latest version), and at least
one of the two is to be 1. A ratio of 1 satisfies both versions, so that is what is aimed at. In place of n_D and n_U
stand the sums of the rows' own weights, because that is what the loss adds up.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from kto_data.balance.advice import advise
from kto_data.balance.options import DEFAULT_TARGET
from kto_data.balance.statistics import BalanceStatistics
from kto_data.errors import InputError

_PAPER = "[1, 4/3], the range that both versions of the KTO paper allow (v1, Eq. 8: [1, 4/3]; latest, Eq. 9: [1, 3/2])"
_DIGITS = range(4, 16)
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Class weights for one way to measure the classes.

    Attributes:
        ratio: Desirable over undesirable; None where a class is missing, and then no weights help.
        desirable_weight: lambda_D.
        undesirable_weight: lambda_U; one of the two is 1.
    """

    ratio: float | None
    desirable_weight: float
    undesirable_weight: float


@dataclass(frozen=True, slots=True)
class Noise:
    """What uncertain labels leave open, at the 95% level: were each row desirable with its own p_desirable.

    Attributes:
        n_desirable: The interval for the number of rows that are.
        ratio: The interval for desirable over undesirable rows; its end is None where it has no bound.
        weight: The interval for the weight that is not 1 (the larger class's weight stays 1).
    """

    n_desirable: tuple[float, float]
    ratio: tuple[float, float | None]
    weight: tuple[Suggestion, Suggestion]


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """Class weights and why.

    Attributes:
        desirable_weight: lambda_D, at least 1.
        undesirable_weight: lambda_U, at least 1; one of the two is 1.
        ratio_before: Desirable over undesirable, in sums of row weights.
        ratio_after: The same with the class weights; None (like the one before) if they were not computed.
        reason: All this in words.
        target_ratio: The range aimed at, loss aversion included.
        allowed: The smallest and the largest weight of the raised class that stay in the range.
        by_measure: What rows, row weights, confidence and tokens would each ask for.
        by_source: What each source by itself would ask for, in row weights.
        noise: What uncertain labels leave open; None where no label has a probability.
        advice: When to sample, deduplicate or collect rather than to weight, one sentence each.
    """

    desirable_weight: float
    undesirable_weight: float
    ratio_before: float | None
    ratio_after: float | None
    reason: str
    target_ratio: tuple[float, float] = DEFAULT_TARGET
    allowed: tuple[float, float] | None = None
    by_measure: dict[str, Suggestion] | None = None
    by_source: dict[str, Suggestion] | None = None
    noise: Noise | None = None
    advice: tuple[str, ...] = ()


UNWEIGHTED = ClassWeights(1.0, 1.0, None, None, "Nothing is trained on, so no weights were computed.")
"""For a dataset without a train split."""


def suggest_weights(
    statistics: BalanceStatistics,
    target_ratio: tuple[float, float] = DEFAULT_TARGET,
    *,
    loss_aversion: float = 1.0,
) -> ClassWeights:
    """Return the class weights that bring the train split into the target range.

    A ratio that is already inside is left alone. Otherwise the weight of the smaller side is raised, to a ratio of 1
    if the target allows it, else to the target's nearer end. Weights have as few digits as the range allows.

    Args:
        statistics: Of the split to train on.
        target_ratio: The lowest and highest ratio wanted.
        loss_aversion: A choice that divides the range: 2 makes the undesirable class count twice.

    Raises:
        InputError: The split lacks a class.
    """
    _require_both(statistics)
    low, high = (end / loss_aversion for end in target_ratio)
    before = statistics.weight.desirable / statistics.weight.undesirable
    best = suggest(before, (low, high))
    after = before * best.desirable_weight / best.undesirable_weight
    raised = before if best.desirable_weight > 1 else 1 / before
    ends = (
        (low / raised, high / raised)
        if best.desirable_weight > 1
        else (1 / (high * raised), 1 / (low * raised))
    )
    return ClassWeights(
        best.desirable_weight,
        best.undesirable_weight,
        before,
        after,
        _reason(statistics, best, after, target_ratio, loss_aversion),
        (low, high),
        (max(ends[0], 1.0), ends[1]) if best.desirable_weight != best.undesirable_weight else None,
        {
            name: suggest(measured, (low, high))
            for name, measured in {
                "rows": statistics.ratio,
                "weight": statistics.weight.ratio,
                "confidence": statistics.confidence.ratio,
                "tokens": statistics.tokens.ratio,
            }.items()
        },
        {one.name: suggest(one.weight.ratio, (low, high)) for one in statistics.by_source},
        noise(statistics, (low, high)),
        advise(statistics, best.desirable_weight, best.undesirable_weight),
    )


def suggest(ratio: float | None, target: tuple[float, float]) -> Suggestion:
    """Return the weights that bring a ratio into a range.

    >>> suggest(0.1, (1.0, 4 / 3))
    Suggestion(ratio=0.1, desirable_weight=10.0, undesirable_weight=1.0)
    """
    if not ratio:  # a class is missing: no weight brings it
        return Suggestion(ratio, 1.0, 1.0)
    low, high = target
    aim = min(max(1.0, low), high)
    if ratio < low:
        return Suggestion(ratio, _short(aim / ratio, lambda weight: low <= weight * ratio <= high), 1.0)
    if ratio > high:
        return Suggestion(ratio, 1.0, _short(ratio / aim, lambda weight: low <= ratio / weight <= high))
    return Suggestion(ratio, 1.0, 1.0)


def noise(statistics: BalanceStatistics, target: tuple[float, float]) -> Noise | None:
    """Return what uncertain labels leave open; None where every label came without a probability."""
    expected, n = statistics.expected, statistics.n_rows
    if expected.n_without_p == n:
        return None
    half = _NORMAL_95 * expected.standard_deviation
    low, high = max(0.0, expected.n_desirable - half), min(float(n), expected.n_desirable + half)
    ratios = (low / (n - low) if low < n else None, high / (n - high) if high < n else None)
    return Noise(
        (low, high), (ratios[0] or 0.0, ratios[1]), (suggest(ratios[0], target), suggest(ratios[1], target))
    )


def _short(weight: float, fits: Callable[[float], bool]) -> float:
    """Return the weight in the fewest decimals, from four on, that still fit the range; never below 1."""
    for digits in _DIGITS:
        scale = 10.0**digits
        for rounded in (math.floor(weight * scale), math.ceil(weight * scale)):
            shorter = rounded / scale
            if shorter >= 1 and fits(shorter):
                return shorter
    return weight


def _require_both(statistics: BalanceStatistics) -> None:
    counts = f"{statistics.n_desirable:,} desirable, {statistics.n_undesirable:,} undesirable rows"
    if not statistics.n_rows:
        raise InputError(
            f"the {statistics.split} split is empty: no row has a label; add labelers, set "
            "`aggregate.when_no_evidence`, or lower `split.test`"
        )
    if not statistics.n_desirable or not statistics.n_undesirable:
        only, lacking = (
            ("undesirable", "desirable") if not statistics.n_desirable else ("desirable", "undesirable")
        )
        raise InputError(
            f"the {statistics.split} split has only {only} rows ({counts}), but KTO needs both classes. Add labelers "
            f"that vote {lacking}, or set `aggregate.when_no_evidence: {lacking}` to count outputs without any "
            f"evidence as {lacking}"
        )
    if not statistics.weight.desirable or not statistics.weight.undesirable:
        raise InputError(
            f"the rows of one class weigh nothing together ({counts}); use `balance.row_weights: uniform`"
        )


def _reason(
    statistics: BalanceStatistics,
    best: Suggestion,
    after: float,
    target: tuple[float, float],
    loss_aversion: float,
) -> str:
    counts = f"{statistics.n_desirable:,} desirable and {statistics.n_undesirable:,} undesirable rows"
    weight = statistics.weight
    even = weight.desirable == statistics.n_desirable and weight.undesirable == statistics.n_undesirable
    mass = "" if even else f", weighing {weight.desirable:,.1f} and {weight.undesirable:,.1f},"
    start = f"{counts}{mass} stand {best.ratio:.4g} to 1"
    wanted = _PAPER if target == DEFAULT_TARGET else f"the target [{target[0]:g}, {target[1]:g}]"
    if loss_aversion != 1:
        low, high = (end / loss_aversion for end in target)
        wanted = (
            f"[{low:.4g}, {high:.4g}]: {wanted}, divided by a loss aversion of {loss_aversion:g}, a choice that makes "
            f"undesirable rows count {loss_aversion:g} times as much"
        )
    if best.desirable_weight == best.undesirable_weight:
        return f"{start}, which is inside {wanted}: both weights stay 1."
    name, raised = (
        ("desirable", best.desirable_weight)
        if best.desirable_weight > 1
        else ("undesirable", best.undesirable_weight)
    )
    return (
        f"{start}, which is outside {wanted}: {name}_weight {raised:.10g} makes it {after:.4g} to 1, inside the range; "
        "the other weight stays 1."
    )
