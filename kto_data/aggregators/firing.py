"""Firing: an unsupervised model of when labelers speak and when they are silent, for one-sided rules.

Shapes: M labelers, K patterns of votes; X = 2M columns, votes for desirable first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.special import expit, logit

from kto_data.aggregators.diagnosis import disagrees
from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.aggregators.patterns import Patterns, find_patterns
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import Floats, VoteTable

_TOLERANCE = 1e-4
"""EM stops when no probability moves by more."""
_MOST_STEPS = 100
_PATTERNS_PER_CHUNK = 100_000
_LOWEST_RATE = 1e-6
_HIGHEST_RATE = 0.98
_FLOOR = 0.05
"""Where the majority stands against the model, a sample is this far on the majority's side of 0.5."""


@METHODS.register("firing")
class Firing(Method):
    """Learn how often each labeler votes, either way or not at all, on desirable and on undesirable samples.

    A rule that can only say `undesirable` has no accuracy that could be learned from what it says; what
    tells it from chance is with which other votes it fires, and when it is silent. With r(v, y) the
    rate of vote v on samples of label y, a vote adds log r(v, 1) / r(v, 0), and silence adds `silence` x log of
    (1 - r(up, 1) - r(down, 1)) / (1 - r(up, 0) - r(down, 0)): the label model with abstentions of A. Ratner et al.
    (2017), Snorkel, https://arxiv.org/abs/1711.10160, section 2.2 (propensity and accuracy), fitted by EM.

    Left to itself such a model turns labels upside down, so it is anchored four ways. P(y | vote) is drawn
    towards the labeler's `prior_mean` (else `prior_precision`), by as many votes as it states or, if it states
    none, by a multiple of its own votes: the data can move a labeler, not invert it. The share of desirable samples is drawn
    towards one half; it cannot be learned from such votes, so do not use it: that takes gold. Votes that come
    together almost always (copies of one rule) share one vote's evidence. And where the votes of a sample
    have a clear majority, that majority stands.

    Several votes of one labeler on a sample count once, for their balance. `weight` multiplies a labeler's log-odds.
    """

    prior_precision: float = Field(0.75, gt=0.5, lt=1.0)
    """How often a labeler's votes are assumed to be right."""
    anchor: float = Field(4.0, ge=0.0)
    """That assumption counts as so many times the labeler's own votes."""
    silence: float = Field(0.7, ge=0.0, le=1.0)
    """How much of the evidence of silences is used; labelers are silent for the same reasons."""
    clear_majority: int = Field(3, ge=1)
    """A majority that is ahead by so many votes stands, whatever the model says."""
    copies_above: float = Field(0.7, gt=0.0, le=1.0)
    """Votes that correlate more than this share their evidence."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return probabilities; NaN where nobody voted. Gold is not used."""
        patterns = _balanced(find_patterns(votes))
        problem = self._problem(patterns, votes.labelers)
        fit = _fit(patterns, problem, self.silence)
        lead_K = patterns.votes_KX @ (problem.share_X * np.repeat([1.0, -1.0], patterns.n_labelers))
        against_K = (np.abs(lead_K) >= self.clear_majority) & ((lead_K > 0) != (fit.p_K > 0.5))
        p_K = np.where(against_K, 0.5 + _FLOOR * np.sign(lead_K), fit.p_K)
        n_labelers = len(votes.labelers)
        return Aggregate(
            patterns.per_sample(p_K),
            "firing",
            warnings=_warnings(patterns, fit.p_K, fit.worth_X, votes.labelers),
            worth_M=fit.worth_X[:n_labelers],
            worth_against_M=fit.worth_X[n_labelers:],
            facts={
                "n_steps": float(fit.n_steps),
                "n_patterns": float(len(patterns.n_K)),
                "n_kept_by_majority": float(patterns.n_K @ against_K),
            },
        )

    def _problem(self, patterns: Patterns, labelers: Sequence[Labeler]) -> "_Problem":
        cast_X = np.asarray(patterns.votes_KX.T @ patterns.n_K)
        cast_M = cast_X[: len(labelers)] + cast_X[len(labelers) :]
        given = [(lab.prior_mean, lab.prior_strength, lab.weight) for lab in labelers]
        q_M = np.array(
            [self.prior_precision if mean is None else mean for mean, _, _ in given], dtype=np.float64
        )
        strength_M = np.array(
            [
                4.0 + self.anchor * cast if given[m][1] is None else given[m][1]
                for m, cast in enumerate(cast_M)
            ],
            dtype=np.float64,
        )
        factor_M = np.array([1.0 if weight is None else weight for _, _, weight in given], dtype=np.float64)
        return _Problem(
            cast_X,
            np.clip(np.concatenate([q_M, 1 - q_M]), 0.02, 0.98),
            np.concatenate([strength_M, strength_M]),
            np.concatenate([factor_M, factor_M]),
            _shares(patterns, cast_X, self.copies_above),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Per kind of vote [X]: how many, the prior of P(desirable | vote), its strength, factor, and share of evidence."""

    cast_X: Floats
    prior_X: Floats
    strength_X: Floats
    factor_X: Floats
    share_X: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    p_K: Floats
    worth_X: Floats
    n_steps: int


def _balanced(patterns: Patterns) -> Patterns:
    """Return patterns in which each labeler has at most one vote: the balance of its votes."""
    m = patterns.n_labelers
    if all(
        (part[:, :m] - part[:, m:]).nnz == part.nnz and (part.data == 1).all()
        for part in _chunks(patterns.votes_KX)
    ):
        return patterns
    parts = []
    for part in _chunks(patterns.votes_KX):
        net_KM = part[:, :m] - part[:, m:]
        votes_KX = sparse.csr_array(sparse.hstack([net_KM.maximum(0), (-net_KM).maximum(0)], format="csr"))
        votes_KX.eliminate_zeros()
        votes_KX.data = np.ones_like(votes_KX.data)
        parts.append(votes_KX)
    return replace(patterns, votes_KX=sparse.csr_array(sparse.vstack(parts, format="csr")))


def _chunks(votes_KX: sparse.csr_array) -> Iterator[sparse.csr_array]:
    """Yield some patterns at a time, for a product of all with themselves needs several times their memory."""
    for start in range(0, max(votes_KX.shape[0], 1), _PATTERNS_PER_CHUNK):
        yield votes_KX[start : start + _PATTERNS_PER_CHUNK]


def _shares(patterns: Patterns, cast_X: Floats, above: float) -> Floats:
    """Return the share of its evidence that each kind of vote keeps: 1 / (1 + the correlations with its copies)."""
    n_samples = max(float(patterns.n_K.sum()), 1.0)
    rate_X = cast_X / n_samples
    together_XX = np.zeros((len(cast_X), len(cast_X)))
    for number, part in enumerate(_chunks(patterns.votes_KX)):
        n_of_part = patterns.n_K[number * _PATTERNS_PER_CHUNK :][: part.shape[0]]
        together_XX += (part.T @ (part * n_of_part[:, None])).toarray()
    together_XX /= n_samples
    spread_X = np.sqrt(np.maximum(rate_X * (1 - rate_X), 1e-12))
    correlation_XX = (together_XX - np.outer(rate_X, rate_X)) / np.outer(spread_X, spread_X)
    correlation_XX = np.where(correlation_XX >= above, np.minimum(correlation_XX, 1.0), 0.0)
    np.fill_diagonal(correlation_XX, 1.0)
    return np.asarray(1.0 / correlation_XX.sum(axis=0))


def _fit(patterns: Patterns, problem: _Problem, silence: float) -> _Fit:
    """Alternate between the probabilities of samples and the rates of votes, from the priors."""
    m, x_KX, n_K = patterns.n_labelers, patterns.votes_KX, patterns.n_K
    n_samples = max(float(n_K.sum()), 1.0)
    used_X = problem.share_X * problem.factor_X
    used_M = np.minimum(problem.share_X[:m], problem.share_X[m:]) * problem.factor_X[:m]
    worth_X = np.where(problem.cast_X > 0, used_X * logit(problem.prior_X), 0.0)
    p_K = np.asarray(expit(x_KX @ worth_X))
    n_steps = 0
    while n_steps < _MOST_STEPS:
        n_steps += 1
        share = float(n_K @ p_K + 0.5 * n_samples) / (2 * n_samples)
        right_X = np.asarray(x_KX.T @ (n_K * p_K))
        precision_X = (right_X + problem.strength_X * problem.prior_X) / (problem.cast_X + problem.strength_X)
        precision_X = np.clip(precision_X, 0.02, 0.98)
        rate_X = problem.cast_X / n_samples
        rate1_X = np.clip(rate_X * precision_X / share, _LOWEST_RATE, _HIGHEST_RATE)
        rate0_X = np.clip(rate_X * (1 - precision_X) / (1 - share), _LOWEST_RATE, _HIGHEST_RATE)
        worth_X = np.where(problem.cast_X > 0, used_X * np.log(rate1_X / rate0_X), 0.0)
        speaks1_M = np.minimum(rate1_X[:m] + rate1_X[m:], 0.99)
        speaks0_M = np.minimum(rate0_X[:m] + rate0_X[m:], 0.99)
        silent_M = silence * used_M * np.log((1 - speaks1_M) / (1 - speaks0_M))
        heard_X = worth_X - np.concatenate([silent_M, silent_M])
        log_odds_K = np.asarray(x_KX @ heard_X) + float(silent_M.sum()) + float(logit(share))
        before_K, p_K = p_K, np.asarray(expit(log_odds_K))
        if float(np.abs(p_K - before_K).max(initial=0.0)) < _TOLERANCE:
            break
    return _Fit(p_K, worth_X, n_steps)


def _warnings(patterns: Patterns, p_K: Floats, worth_X: Floats, labelers: Sequence[Labeler]) -> list[str]:
    m = len(labelers)
    flipped = [
        lab.name
        for position, lab in enumerate(labelers)
        if worth_X[position] < 0 or worth_X[m + position] > 0
    ]
    warnings = disagrees("firing", patterns, p_K)
    if flipped:
        warnings.append(
            f"firing takes votes of {', '.join(flipped)} for the opposite of what they say; label a few samples that "
            "they vote on as gold, or state their precision"
        )
    return warnings
