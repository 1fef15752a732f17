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

from kto_data.balance.options import DEFAULT_TARGET
from kto_data.balance.statistics import BalanceStatistics
from kto_data.errors import InputError

_PAPER = "[1, 4/3], the range that both versions of the KTO paper allow (v1, Eq. 8: [1, 4/3]; latest, Eq. 9: [1, 3/2])"
_DIGITS = range(4, 16)


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """Class weights and why.

    Attributes:
        desirable_weight: lambda_D, at least 1.
        undesirable_weight: lambda_U, at least 1; one of the two is 1.
        ratio_before: Desirable over undesirable, in sums of row weights.
        ratio_after: The same with the class weights; None (like the one before) if they were not computed.
        reason: All this in words.
    """

    desirable_weight: float
    undesirable_weight: float
    ratio_before: float | None
    ratio_after: float | None
    reason: str


UNWEIGHTED = ClassWeights(1.0, 1.0, None, None, "Nothing is trained on, so no weights were computed.")
"""For a dataset without a train split."""


def suggest_weights(
    statistics: BalanceStatistics, target_ratio: tuple[float, float] = DEFAULT_TARGET
) -> ClassWeights:
    """Return the class weights that bring the train split into the target range.

    A ratio that is already inside is left alone. Otherwise the weight of the smaller side is raised, to a ratio of 1
    if the target allows it, else to the target's nearer end. Weights have as few digits as the range allows.

    Args:
        statistics: Of the split to train on.
        target_ratio: The lowest and highest ratio wanted.

    Raises:
        InputError: The split lacks a class.
    """
    low, high = target_ratio
    _require_both(statistics)
    before = statistics.weight_desirable / statistics.weight_undesirable
    desirable = undesirable = 1.0
    aim = min(max(1.0, low), high)
    if before < low:
        desirable = _short(aim / before, lambda weight: low <= weight * before <= high)
    elif before > high:
        undesirable = _short(before / aim, lambda weight: low <= before / weight <= high)
    after = before * desirable / undesirable
    return ClassWeights(
        desirable,
        undesirable,
        before,
        after,
        _reason(statistics, desirable, undesirable, before, after, target_ratio),
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
    if not statistics.weight_desirable or not statistics.weight_undesirable:
        raise InputError(
            f"the rows of one class weigh nothing together ({counts}); use `balance.row_weights: uniform`"
        )


def _reason(
    statistics: BalanceStatistics,
    desirable: float,
    undesirable: float,
    before: float,
    after: float,
    target: tuple[float, float],
) -> str:
    counts = f"{statistics.n_desirable:,} desirable and {statistics.n_undesirable:,} undesirable rows"
    even = (
        statistics.weight_desirable == statistics.n_desirable
        and statistics.weight_undesirable == statistics.n_undesirable
    )
    mass = (
        ""
        if even
        else f", weighing {statistics.weight_desirable:,.1f} and {statistics.weight_undesirable:,.1f},"
    )
    start = f"{counts}{mass} stand {before:.4g} to 1"
    wanted = _PAPER if target == DEFAULT_TARGET else f"the target [{target[0]:g}, {target[1]:g}]"
    if desirable == undesirable:
        return f"{start}, which is inside {wanted}: both weights stay 1."
    name, weight = ("desirable", desirable) if desirable > 1 else ("undesirable", undesirable)
    return (
        f"{start}, which is outside {wanted}: {name}_weight {weight:.10g} makes it {after:.4g} to 1, inside the range; "
        "the other weight stays 1."
    )
