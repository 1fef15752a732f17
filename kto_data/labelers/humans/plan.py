"""What the next labels would buy: the expected intervals of the desirable share and of each labeler's precision.

Shapes: N samples, H strata, V entries of the vote table.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.labelers.humans.sampling.neyman import Neyman, expected_spread, neyman_allocation
from kto_data.labelers.humans.sampling.strategy import Candidates, Floats, Ints
from kto_data.statistics.intervals import wilson
from kto_data.votes.sample_ids import positions
from kto_data.votes.table import VoteTable

_Z = 1.959963984540054
"""The normal quantile of 95% intervals."""

_STEPS = (50, 100, 200, 400, 800)


def plan(
    candidates: Candidates,
    machine: VoteTable | None,
    labelled: Mapping[str, bool],
    *,
    cost: float,
    overlap: int = 2,
    steps: Sequence[int] = _STEPS,
    random_share: float = 0.2,
) -> dict[str, Any]:
    """Return JSON values: for each number of further items what they cost and how narrow the intervals get.

    Everything is an expectation: p_desirable stands in for the labels that nobody has given yet.

    Args:
        candidates: All samples.
        machine: What rules and judges said; None where nobody knows.
        labelled: What people have decided so far, by sample.
        cost: Of one answer of one annotator.
        overlap: Answers an item.
        steps: Numbers of further items; those above what is left are cut off there.
        random_share: Of the items, chosen fairly.
    """
    known = positions(candidates.sample_ids, pa.array(sorted(labelled), pa.string()))
    known = known[known >= 0]
    free_N = np.ones(len(candidates), dtype=bool)
    free_N[known] = False
    free = candidates.at(free_N)
    sizes = sorted({min(step, len(free)) for step in steps if step > 0 and len(free)})
    known_variance = _random_variance(candidates, len(known))
    records = [] if machine is None else _records(machine, labelled)
    table = []
    for n in sizes:
        p_N = np.zeros(len(candidates))
        p_N[free_N] = Neyman(random_share=random_share).probabilities(free, n)
        variance = _stratified_variance(free, n, random_share)
        table.append(
            {
                "n_items": n,
                "cost": n * overlap * cost,
                "desirable_share_half_width": _half_width(variance, known_variance),
                "at_random_half_width": _half_width(_random_variance(free, n), known_variance),
                "labelers": {record["labeler"]: _precision_half_width(record, p_N) for record in records},
            }
        )
    return {
        "n_samples": len(candidates),
        "n_labelled": len(known),
        "now": {
            "desirable_share_half_width": None if known_variance is None else _Z * sqrt(known_variance),
            "labelers": {record["labeler"]: _precision_half_width(record, None) for record in records},
        },
        "steps": table,
        "allocation": _allocation(free, sizes[-1] if sizes else 0, sizes, random_share),
    }


def _half_width(variance: float | None, known: float | None) -> float | None:
    """Return the half-width of what is known and what is new taken together, each by its precision."""
    precisions = [1 / one for one in (variance, known) if one is not None and one > 0]
    return _Z / sqrt(sum(precisions)) if precisions else None


def _random_variance(candidates: Candidates, n: int) -> float | None:
    """Return the variance of the share from n fair labels."""
    if n == 0:
        return None
    p_N = candidates.p_desirable_N
    share = float(np.nanmean(p_N)) if not np.isnan(p_N).all() else 0.5
    spread = max(share * (1 - share), 0.05 * 0.95)
    return spread / n * max(1 - n / max(len(candidates), 1), 1e-9)


def _stratified_variance(candidates: Candidates, n: int, random_share: float) -> float:
    """Return the variance of the stratified estimate: sum of W_h^2 S_h^2 / n_h (1 - n_h / N_h)."""
    size_H = np.bincount(candidates.stratum_N, minlength=len(candidates.strata))
    there = size_H > 0
    weight_H = size_H / max(1, size_H.sum())
    n_H = _expected_labels(candidates, n, random_share)
    left_H = np.clip(1 - n_H / np.maximum(size_H, 1), 0.0, 1.0)
    terms = weight_H**2 * expected_spread(candidates) ** 2 / np.maximum(n_H, 1e-9) * left_H
    return max(float(terms[there].sum()), 1e-12)


def _expected_labels(candidates: Candidates, n: int, random_share: float) -> Floats:
    """Return the labels that each stratum is expected to get."""
    p_N = Neyman(random_share=random_share).probabilities(candidates, n)
    expected_H: Floats = np.bincount(
        candidates.stratum_N, weights=p_N, minlength=len(candidates.strata)
    ).astype(np.float64)
    return expected_H


def _records(machine: VoteTable, labelled: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Return where each labeler votes and how often it was right where people have decided."""
    known = positions(machine.sample_ids, pa.array(sorted(labelled), pa.string()))
    truth: dict[int, bool] = {
        int(at): labelled[sample] for at, sample in zip(known, sorted(labelled), strict=True) if at >= 0
    }
    records = []
    for m, labeler in enumerate(machine.labelers):
        mine = machine.labeler_V == m
        at: Ints = machine.sample_V[mine].astype(np.int64)
        says: npt.NDArray[np.bool_] = machine.up_V[mine] > machine.down_V[mine]
        checked = [
            (truth[int(one)], bool(vote)) for one, vote in zip(at, says, strict=True) if int(one) in truth
        ]
        if len(at):
            records.append(
                {
                    "labeler": labeler.name,
                    "kind": labeler.kind,
                    "at": at,
                    "n_votes": len(at),
                    "n_checked": len(checked),
                    "n_right": sum(is_so == vote for is_so, vote in checked),
                    "prior": labeler.prior_mean,
                }
            )
    return records


def _precision_half_width(record: Mapping[str, Any], p_N: Floats | None) -> dict[str, Any]:
    """Return the labels on a labeler's votes, and the half-width of Wilson's interval that they give.

    Items that were likelier to be chosen count less each, so the effective number K^2 / sum(1 / p) is used.
    """
    n_new = n_effective = 0.0
    if p_N is not None:
        chances = p_N[record["at"]]
        chances = chances[chances > 0]
        n_new = float(chances.sum())
        n_effective = min(n_new, len(chances) ** 2 / float((1 / chances).sum())) if len(chances) else 0.0
    n = record["n_checked"] + n_effective
    precision = record["n_right"] / record["n_checked"] if record["n_checked"] else record["prior"] or 0.8
    interval = wilson(precision * n, n) if n > 0 else None
    return {
        "n_labels": record["n_checked"] + n_new,
        "precision": precision if record["n_checked"] else None,
        "half_width": None if interval is None else (interval.upper - interval.lower) / 2,
    }


def _allocation(
    candidates: Candidates, largest: int, sizes: Sequence[int], random_share: float
) -> list[dict[str, Any]]:
    """Return how many items of each size of batch a stratum gets, the strata that get most first."""
    if not largest:
        return []
    size_H = np.bincount(candidates.stratum_N, minlength=len(candidates.strata))
    spread_H = expected_spread(candidates)
    n_SH = np.stack([_expected_labels(candidates, n, random_share) for n in sizes])
    fixed_H = neyman_allocation(candidates, largest)
    return [
        {
            "stratum": candidates.strata[h],
            "n_samples": int(size_H[h]),
            "spread": float(spread_H[h]),
            "n_items": {str(n): float(n_SH[s, h]) for s, n in enumerate(sizes)},
        }
        for h in np.argsort(-fixed_H, kind="stable")
        if size_H[h]
    ]
