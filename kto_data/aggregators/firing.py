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
_FIRMNESS = 4.0
"""Votes that a labeler's prior is worth in any case, if it does not state how many."""
_SHARE_STRENGTH = 0.3
"""Samples that the share of one half is worth, for each sample that is as unsure as can be."""
_FLOOR = 0.05
"""Where the majority stands against the model, a sample is this far on the majority's side of 0.5."""
_TIE = 1e-9
"""Leads below this are ties: votes that share their evidence seldom add up to 0."""
_TIE_BREAK = 0.1
"""A tie stays one unless the model moves it this far from 0.5, times the over-dispersion."""
_MORE_FOR_SILENCE = 1 / 6
"""Silences lose this power of the over-dispersion besides: of forty rules nearly all are silent, and together."""


@METHODS.register("firing")
class Firing(Method):
    """Learn how often each labeler votes, either way or not at all, on desirable and on undesirable samples.

    A rule that can only say `undesirable` has no accuracy that could be learned from what it says; what
    tells it from chance is with which other votes it fires, and when it is silent. With r(v, y) the
    rate of vote v on samples of label y, a vote adds log r(v, 1) / r(v, 0), and silence adds `silence` x log of
    (1 - r(up, 1) - r(down, 1)) / (1 - r(up, 0) - r(down, 0)): the label model with abstentions of A. Ratner et al.
    (2017), Snorkel, https://arxiv.org/abs/1711.10160, section 2.2 (propensity and accuracy), fitted by EM.

    Left to itself such a model turns labels upside down, so it is anchored. P(y | vote) is drawn towards the labeler's
    `prior_mean` (else `prior_precision`), by as many votes as it states or, if it states none, by a multiple of its
    own votes on samples that the model is unsure of: few rules leave all samples unsure and cannot move one another
    far, many can. For the same reason the share of desirable samples is drawn towards one half by unsure samples; do not
    use it: it takes gold to know it. Votes that come together almost always (copies of one rule) share one vote's
    evidence. Where the number of votes a sample has varies more than independent labelers would make it (topics and
    long texts set off several rules), all evidence is divided by the square root of that over-dispersion, and that of silences a little more. And the
    majority of a sample counts as evidence of its own; a clear one stands.

    Several votes of one labeler on a sample count once, for their balance. `weight` multiplies a labeler's log-odds.
    """

    prior_precision: float = Field(0.75, gt=0.5, lt=1.0)
    """How often a labeler's votes are assumed to be right."""
    anchor: float = Field(2.0, ge=0.0)
    """That assumption counts as so many times the labeler's own votes on unsure samples."""
    silence: float = Field(0.85, ge=0.0, le=1.0)
    """How much of the evidence of silences is used; labelers are silent for the same reasons."""
    majority: float = Field(0.4, ge=0.0)
    """Log-odds that a sample's majority adds to its side, times the over-dispersion; less if its lead is under one vote."""
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
        p_K = np.asarray(expit(fit.log_odds_K + self.majority * fit.over_dispersion * np.clip(lead_K, -1, 1)))
        against_K = (np.abs(lead_K) >= self.clear_majority) & ((lead_K > 0) != (p_K > 0.5))
        p_K = np.where(against_K, 0.5 + _FLOOR * np.sign(lead_K), p_K)
        hardly_K = np.abs(p_K - 0.5) < _TIE_BREAK * fit.over_dispersion
        p_K = np.where((np.abs(lead_K) < _TIE) & hardly_K, 0.5, p_K)
        n_labelers = len(votes.labelers)
        return Aggregate(
            patterns.per_sample(p_K),
            "firing",
            warnings=_warnings(patterns, p_K, fit.worth_X, votes.labelers),
            worth_M=fit.worth_X[:n_labelers],
            worth_against_M=fit.worth_X[n_labelers:],
            facts={
                "n_steps": float(fit.n_steps),
                "n_patterns": float(len(patterns.n_K)),
                "n_kept_by_majority": float(patterns.n_K @ against_K),
                "over_dispersion": fit.over_dispersion,
            },
        )

    def _problem(self, patterns: Patterns, labelers: Sequence[Labeler]) -> "_Problem":
        cast_X = np.asarray(patterns.votes_KX.T @ patterns.n_K)
        given = [(lab.prior_mean, lab.prior_strength, lab.weight) for lab in labelers]
        q_M = np.array(
            [self.prior_precision if mean is None else mean for mean, _, _ in given], dtype=np.float64
        )
        stated_M = np.array(
            [np.nan if strength is None else strength for _, strength, _ in given], np.float64
        )
        factor_M = np.array([1.0 if weight is None else weight for _, _, weight in given], dtype=np.float64)
        return _Problem(
            cast_X,
            np.clip(np.concatenate([q_M, 1 - q_M]), 0.02, 0.98),
            np.tile(np.where(np.isnan(stated_M), _FIRMNESS, stated_M), 2),
            np.tile(np.where(np.isnan(stated_M), self.anchor, 0.0), 2),
            np.tile(factor_M, 2),
            _shares(patterns, cast_X, self.copies_above),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Per kind of vote [X]: how many, the prior of P(desirable | vote) with its strength, factor, and share of evidence.

    The strength is `firm_X`, and `anchor_X` for each unsure vote.
    """

    cast_X: Floats
    prior_X: Floats
    firm_X: Floats
    anchor_X: Floats
    factor_X: Floats
    share_X: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    log_odds_K: Floats
    worth_X: Floats
    over_dispersion: float
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
    rate_X = problem.cast_X / n_samples
    used_X = problem.share_X * problem.factor_X
    used_M = np.minimum(problem.share_X[:m], problem.share_X[m:]) * problem.factor_X[:m]
    spread = _spread(np.asarray(x_KX @ problem.share_X), n_K)
    worth_X = np.where(problem.cast_X > 0, used_X * logit(problem.prior_X), 0.0)
    log_odds_K = np.asarray(x_KX @ worth_X)
    p_K, over_dispersion, n_steps = np.asarray(expit(log_odds_K)), 1.0, 0
    while n_steps < _MOST_STEPS:
        n_steps += 1
        unsure_K = n_K * 4 * p_K * (1 - p_K)
        prior_samples = _SHARE_STRENGTH * float(unsure_K.sum())
        share = (float(n_K @ p_K) + 0.5 * prior_samples) / (n_samples + prior_samples)
        strength_X = problem.firm_X + problem.anchor_X * np.asarray(x_KX.T @ unsure_K)
        right_X = np.asarray(x_KX.T @ (n_K * p_K))
        precision_X = np.clip(
            (right_X + strength_X * problem.prior_X) / (problem.cast_X + strength_X), 0.02, 0.98
        )
        rate1_X = np.clip(rate_X * precision_X / share, _LOWEST_RATE, _HIGHEST_RATE)
        rate0_X = np.clip(rate_X * (1 - precision_X) / (1 - share), _LOWEST_RATE, _HIGHEST_RATE)
        worth_X = np.where(problem.cast_X > 0, used_X * np.log(rate1_X / rate0_X), 0.0)
        speaks1_M = np.minimum(rate1_X[:m] + rate1_X[m:], 0.99)
        speaks0_M = np.minimum(rate0_X[:m] + rate0_X[m:], 0.99)
        over_dispersion = max(1.0, spread / _expected_spread(problem.share_X, rate1_X, rate0_X, share))
        heard = silence / over_dispersion**_MORE_FOR_SILENCE
        silent_M = heard * used_M * np.log((1 - speaks1_M) / (1 - speaks0_M))
        heard_X = worth_X - np.concatenate([silent_M, silent_M])
        evidence_K = np.asarray(x_KX @ heard_X) + float(silent_M.sum())
        log_odds_K = evidence_K / np.sqrt(over_dispersion) + float(logit(share))
        before_K, p_K = p_K, np.asarray(expit(log_odds_K))
        if float(np.abs(p_K - before_K).max(initial=0.0)) < _TOLERANCE:
            break
    return _Fit(log_odds_K, worth_X, over_dispersion, n_steps)


def _spread(total_K: Floats, n_K: Floats) -> float:
    """Return the variance over samples of the number of votes, copies counted once."""
    n_samples = max(float(n_K.sum()), 1.0)
    mean = float(n_K @ total_K) / n_samples
    return float(n_K @ (total_K - mean) ** 2) / n_samples


def _expected_spread(share_X: Floats, rate1_X: Floats, rate0_X: Floats, share: float) -> float:
    """Return that variance for labelers who are independent given the label."""
    within = share * (share_X**2 @ (rate1_X * (1 - rate1_X)))
    within += (1 - share) * (share_X**2 @ (rate0_X * (1 - rate0_X)))
    between = share * (1 - share) * float(share_X @ (rate1_X - rate0_X)) ** 2
    return max(float(within + between), 1e-12)


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
