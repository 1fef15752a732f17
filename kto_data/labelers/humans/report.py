"""How good the annotators' answers are: agreement, accuracy on gold, speed, drift.

Every figure has an interval; those of agreement resample items (whole, with all their answers).

Shapes: N items.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np

from kto_data.labelers.humans.answers import Answer, counts_by_sample
from kto_data.statistics.agreement import Confusion, VoteArray, agreement_share, cohen_kappa, confusion
from kto_data.statistics.intervals import IntArray, Interval, cluster_bootstrap, difference_of_shares, wilson
from kto_data.statistics.raters import fleiss_kappa, gwet_ac1, krippendorff_alpha, pair_agreement

HASTY_S = 2.0
"""A median time below which nobody can have read the answer."""

_MIN_HALF = 10
"""Answers that each half must have before a drift is looked for."""

_MEASURES: dict[str, Callable[[Any, Any], float | None]] = {
    "percent": pair_agreement,
    "fleiss_kappa": fleiss_kappa,
    "krippendorff_alpha": krippendorff_alpha,
    "gwet_ac1": gwet_ac1,
}


def agreement_report(answers: Sequence[Answer], *, seed: int = 0, n_resamples: int = 1000) -> dict[str, Any]:
    """Return JSON values: agreement of all, of each pair, and each annotator's record.

    Args:
        answers: In the order in which they were given.
        seed: Of the resampling.
        n_resamples: How often items are drawn anew.
    """
    generator = np.random.default_rng(seed)
    names = sorted({answer.annotator for answer in answers})
    pairs = [_pair(answers, *pair, generator, n_resamples) for pair in combinations(names, 2)]
    pairs = [pair for pair in pairs if pair["n"]]
    samples, up_N, down_N = counts_by_sample(answers)
    return {
        "n_items": len(samples),
        "n_items_compared": int(np.count_nonzero(up_N + down_N >= 2)),
        "n_answers": int((up_N + down_N).sum()),
        "n_disputed": int(np.count_nonzero((up_N > 0) & (down_N > 0))),
        "agreement": {
            **{
                name: _bootstrapped(measure, up_N, down_N, generator, n_resamples)
                for name, measure in _MEASURES.items()
            },
            "cohen_kappa": _mean_kappa(answers, names, generator, n_resamples),
        },
        "pairs": sorted(pairs, key=lambda pair: (pair["agreement"]["estimate"], -pair["n"])),
        "annotators": [_annotator(name, answers) for name in names],
    }


def _bootstrapped(
    measure: Callable[[Any, Any], float | None],
    up_N: IntArray,
    down_N: IntArray,
    generator: np.random.Generator,
    n_resamples: int,
) -> dict[str, Any] | None:
    value = measure(up_N, down_N)
    interval = cluster_bootstrap(
        lambda rows: measure(up_N[rows], down_N[rows]),
        np.arange(len(up_N)),
        generator,
        n_resamples=n_resamples,
    )
    return _figure(value, interval)


def _figure(value: float | None, interval: Interval | None) -> dict[str, Any] | None:
    """Return a figure with its interval; the interval is missing where none can be given."""
    if interval is not None:
        return asdict(interval)
    return None if value is None else {"estimate": value, "lower": None, "upper": None, "level": None}


def _votes(answers: Sequence[Answer], names: Sequence[str]) -> dict[str, VoteArray]:
    """Return each annotator's votes on all samples, in the same order; 0 where there is none."""
    samples = sorted({answer.sample_id for answer in answers})
    at = {sample: place for place, sample in enumerate(samples)}
    votes: dict[str, VoteArray] = {name: np.zeros(len(samples), dtype=np.int8) for name in names}
    for answer in answers:
        if answer.annotator in votes:
            votes[answer.annotator][at[answer.sample_id]] = answer.vote
    return votes


def _mean_kappa(
    answers: Sequence[Answer], names: Sequence[str], generator: np.random.Generator, n_resamples: int
) -> dict[str, Any] | None:
    """Cohen's kappa of the pairs, averaged by the items that each has compared; of two annotators it is theirs."""
    votes = _votes(answers, names)
    pairs = [(votes[one], votes[two]) for one, two in combinations(names, 2)]
    n_samples = len(next(iter(votes.values()))) if votes else 0

    def mean(rows: IntArray) -> float | None:
        tables = [confusion(one[rows], two[rows]) for one, two in pairs]
        known = [(kappa, table.n_compared) for table in tables if (kappa := cohen_kappa(table)) is not None]
        total = sum(n for _, n in known)
        return sum(kappa * n for kappa, n in known) / total if total else None

    rows = np.arange(n_samples)
    return _figure(mean(rows), cluster_bootstrap(mean, rows, generator, n_resamples=n_resamples))


def _pair(
    answers: Sequence[Answer], first: str, second: str, generator: np.random.Generator, n_resamples: int
) -> dict[str, Any]:
    votes = _votes([one for one in answers if one.annotator in (first, second)], [first, second])
    both = (votes[first] != 0) & (votes[second] != 0)
    one_N, two_N = votes[first][both], votes[second][both]
    table = confusion(one_N, two_N)
    rows = np.arange(len(one_N))

    def kappa(chosen: IntArray) -> float | None:
        return cohen_kappa(confusion(one_N[chosen], two_N[chosen]))

    return {
        "annotators": [first, second],
        "n": table.n_compared,
        "agreement": _share(table),
        "cohen_kappa": _figure(
            kappa(rows), cluster_bootstrap(kappa, rows, generator, n_resamples=n_resamples)
        ),
        "n_only_first_desirable": table.n_only_first_desirable,
        "n_only_second_desirable": table.n_only_second_desirable,
    }


def _share(table: Confusion) -> dict[str, Any]:
    interval = wilson(table.n_agree, table.n_compared)
    return asdict(interval) if interval else {"estimate": agreement_share(table) or 0.0}


def _annotator(name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    theirs = [answer for answer in answers if answer.annotator == name]
    decided = [answer for answer in theirs if answer.vote]
    gold = [answer for answer in decided if answer.truth is not None]
    n_right = sum((answer.vote > 0) == answer.truth for answer in gold)
    times = [answer.lead_time_s for answer in theirs if answer.lead_time_s is not None]
    accuracy = wilson(n_right, len(gold))
    desirable = wilson(sum(answer.vote > 0 for answer in decided), len(decided))
    return {
        "annotator": name,
        "n": len(decided),
        "n_skipped": len(theirs) - len(decided),
        "n_gold": len(gold),
        "accuracy_on_gold": asdict(accuracy) if accuracy else None,
        "desirable_share": asdict(desirable) if desirable else None,
        "median_lead_time_s": median(times) if times else None,
        "hasty": bool(times) and median(times) < HASTY_S,
        "drift": _drift(decided),
        "n_edited_by_others": sum(answer.edited_by is not None for answer in theirs),
    }


def _drift(answers: Sequence[Answer]) -> dict[str, Any] | None:
    """Compare the later half of somebody's answers with the earlier one; None while there are too few."""
    half = len(answers) // 2
    if half < _MIN_HALF:
        return None
    early, late = answers[:half], answers[half:]
    change = difference_of_shares(
        sum(one.vote > 0 for one in late), len(late), sum(one.vote > 0 for one in early), len(early)
    )
    paces = [
        median(times) if (times := [one.lead_time_s for one in part if one.lead_time_s is not None]) else None
        for part in (early, late)
    ]
    return {
        "desirable_share_change": asdict(change) if change else None,
        "drifts": change is not None and change.excludes(0.0),
        "median_lead_time_s": paces,
    }
