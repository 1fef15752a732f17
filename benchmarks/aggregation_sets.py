"""Votes with a known truth for `aggregation.py`: crowds, one-sided rules, and judges. numpy only, so that peers can read it.

Votes are +1 (desirable), -1 and 0 (silent), as an array of N samples by M labelers.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Votes = npt.NDArray[np.int8]
Truth = npt.NDArray[np.bool_]


class VoteSet(NamedTuple):
    """One set: its name, the votes [N, M] and which samples are desirable [N]."""

    name: str
    votes_NM: Votes
    y_N: Truth


def crowds(n_sets: int) -> Iterator[VoteSet]:
    """Yield crowds of many shapes: few and many workers, spammers, biases, hard items, imbalanced classes."""
    for seed in range(n_sets):
        rng = np.random.default_rng(seed)
        n, n_each = int(rng.choice([100, 200, 500, 1000, 2000])), int(rng.choice([3, 5, 5, 7, 10, 20]))
        m = max(int(rng.choice([10, 20, 40, 100, 160])), n_each + 1)
        y_N = rng.random(n) < rng.choice([0.5, 0.5, 0.3, 0.2, 0.7, 0.8])
        skill_M = np.log(
            1 / np.clip(rng.beta(*[(2, 8), (2, 5), (1.5, 3), (4, 6)][rng.integers(4)], size=m), 0.02, 0.9) - 1
        )
        bias_M = rng.normal(0, rng.choice([0.0, 0.5, 1.0]), m)
        skill_M[rng.random(m) < rng.choice([0.0, 0.1, 0.3])] = 0.0  # spammers
        ease_N = np.exp(rng.normal(0, rng.choice([0.0, 0.5, 1.0]), n))
        busy_M = rng.lognormal(0, rng.choice([0.3, 1.0, 1.8]), m)
        votes_NM = np.zeros((n, m), dtype=np.int8)
        for item in range(n):
            k = n_each if rng.random() < 0.7 else int(rng.integers(1, n_each + 1))
            chosen = rng.choice(m, k, replace=False, p=busy_M / busy_M.sum())
            up = 1 / (
                1 + np.exp(-((1 if y_N[item] else -1) * skill_M[chosen] * ease_N[item] + bias_M[chosen]))
            )
            votes_NM[item, chosen] = np.where(rng.random(k) < up, 1, -1)
        yield VoteSet(f"crowd {seed}: {n} x {m}, {n_each} each", votes_NM, y_N)


def one_sided(
    rng: np.random.Generator,
    y_N: Truth,
    says: int,
    coverage: float,
    precision: float,
    factor_N: npt.ArrayLike = 1.0,
) -> Votes:
    """Return a rule that only ever says one thing, at this coverage and precision; the factor makes it fire oftener."""
    agrees_N = y_N == (says > 0)
    right, wrong = coverage * precision / agrees_N.mean(), coverage * (1 - precision) / (~agrees_N).mean()
    rate_N = np.minimum(np.where(agrees_N, right, wrong) * np.asarray(factor_N), 1.0)
    return np.where(rng.random(len(y_N)) < rate_N, says, 0).astype(np.int8)


def two_sided(rng: np.random.Generator, y_N: Truth, coverage: float, right1: float, right0: float) -> Votes:
    """Return a labeler of this coverage, right on desirable and undesirable samples so often."""
    right_N = rng.random(len(y_N)) < np.where(y_N, right1, right0)
    return np.where(rng.random(len(y_N)) < coverage, np.where(y_N == right_N, 1, -1), 0).astype(np.int8)


def rule_sets(n_sets: int) -> Iterator[VoteSet]:
    """Yield sets of mostly one-sided rules, some with copies, some with long texts and topics that make rules fire together."""
    for seed in range(n_sets):
        rng = np.random.default_rng(1000 + seed)
        n, m = int(rng.choice([1500, 3000, 5000])), int(rng.choice([5, 8, 10, 20, 40]))
        y_N = rng.random(n) < rng.choice([0.5, 0.5, 0.3, 0.7, 0.85, 0.15])
        polarity_M = np.where(rng.random(m) < rng.choice([0.5, 0.2, 0.8, 0.35]), 1, -1)
        polarity_M[0] = -polarity_M[1]
        mean = 0.85 if rng.random() < 0.7 else 0.7
        length = rng.choice([0.0, 0.0, 0.5, 1.0])
        busy_N = np.exp(rng.normal(0, length, n) - length**2 / 2)
        n_topics = int(rng.choice([1, 1, 3, 6]))
        topic_N = rng.integers(0, n_topics, n)
        columns = []
        for m_ in range(m):
            if rng.random() < 0.1:
                columns.append(
                    two_sided(rng, y_N, rng.uniform(0.05, 0.3), rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9))
                )
                continue
            coverage = float(np.clip(rng.lognormal(np.log(rng.choice([0.03, 0.08, 0.15])), 0.8), 0.005, 0.5))
            precision = float(np.clip(rng.beta(12 * mean, 12 * (1 - mean)), 0.4, 0.99))
            home = np.where(topic_N == rng.integers(n_topics), 2.5, 0.4) if n_topics > 1 else 1.0
            columns.append(one_sided(rng, y_N, int(polarity_M[m_]), coverage, precision, busy_N * home))
        for _ in range(int(rng.choice([0, 0, 1, 3]))):
            columns.append(np.where(rng.random(n) < 0.1, 0, columns[rng.integers(m)]).astype(np.int8))
        yield VoteSet(f"rules {seed}: {n} x {len(columns)}", np.stack(columns, axis=1), y_N)


def scenario(name: str, seed: int, n: int = 20_000) -> VoteSet:
    """Return a set of KTO's kind, three quarters desirable.

    A: six rules that only say `undesirable`. B: besides, two that only say `desirable`, a judge on every sample and
    sparse thumbs. C: besides, four near-copies of one bad rule.
    """
    rng = np.random.default_rng(seed)
    y_N = rng.random(n) < 0.75
    bad = [(0.08, 0.95), (0.05, 0.85), (0.10, 0.6), (0.03, 0.9), (0.06, 0.7), (0.04, 0.5)]
    columns = [one_sided(rng, y_N, -1, coverage, precision) for coverage, precision in bad]
    if name in "BC":
        columns += [
            one_sided(rng, y_N, 1, coverage, precision) for coverage, precision in [(0.15, 0.9), (0.1, 0.85)]
        ]
        columns += [two_sided(rng, y_N, 1.0, 0.9, 0.7), two_sided(rng, y_N, 0.06, 0.8, 0.9)]
    if name == "C":
        base_N = one_sided(rng, y_N, -1, 0.15, 0.35)
        columns += [np.where(rng.random(n) < 0.1, 0, base_N).astype(np.int8) for _ in range(4)]
    return VoteSet(name, np.stack(columns, axis=1), y_N)


def judges(folder: Path) -> Iterator[VoteSet]:
    """Yield LLMBar's pairs as its judges saw them, in whole and by subset: +1 says that output 1 is better.

    Args:
        folder: With `pairs.jsonl.gz` (id, subset, gold) and `votes.jsonl.gz` (id, judge, swap, winner).
    """
    pairs, votes = _lines(folder / "pairs.jsonl.gz"), _lines(folder / "votes.jsonl.gz")
    row = {pair["id"]: number for number, pair in enumerate(pairs)}
    names = sorted({(vote["judge"], vote["swap"]) for vote in votes})
    column = {name: number for number, name in enumerate(names)}
    votes_NM = np.zeros((len(pairs), len(names)), dtype=np.int8)
    for vote in votes:
        if vote["winner"] in (1, 2):
            votes_NM[row[vote["id"]], column[vote["judge"], vote["swap"]]] = 1 if vote["winner"] == 1 else -1
    y_N = np.array([pair["gold"] == 1 for pair in pairs])
    yield VoteSet("judges", votes_NM, y_N)
    subset_N = np.array([pair["subset"].split("/")[-1] for pair in pairs])
    for subset in sorted(set(subset_N)):
        yield VoteSet(f"judges, {subset}", votes_NM[subset_N == subset], y_N[subset_N == subset])


def judge_panels(whole: VoteSet) -> Iterator[VoteSet]:
    """Yield panels of judges: all of them, and random ones of middling judges, as no user has 65 strategies."""
    yield whole
    signed_NM = whole.votes_NM * np.where(whole.y_N, 1, -1)[:, None]
    accuracy_M = (signed_NM > 0).sum(0) / np.maximum((signed_NM != 0).sum(0), 1)
    rng = np.random.default_rng(5)
    middling = np.flatnonzero((accuracy_M > 0.4) & (accuracy_M < 0.75))
    for number in range(3):
        chosen = rng.choice(middling, 16, replace=False)
        yield VoteSet(f"16 judges, panel {number}", whole.votes_NM[:, chosen], whole.y_N)


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
