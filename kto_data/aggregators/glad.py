"""GLAD: labelers differ in ability, and samples in difficulty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from kto_data.aggregators import em
from kto_data.aggregators.diagnosis import disagrees, one_sided
from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.aggregators.patterns import Patterns, find_patterns
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import Floats, Ints, VoteTable

_TOLERANCE = 1e-4
"""EM stops when no probability moves by more."""
_MOST_STEPS = 100
_LARGEST_EASE = 3.0
"""Bound on |log beta|, against running away where all agree."""


@METHODS.register("glad")
class Glad(Method):
    """Learn the ability alpha_m of labelers and the ease beta_k of samples: P(m is right on k) = expit(alpha_m beta_k).

    log-odds(desirable) = log share / (1 - share) + sum_m (up_m - down_m) alpha_m beta_k. J. Whitehill, P. Ruvolo, T.
    Wu, J. Bergsma and J. Movellan (2009), Whose vote should count more, NeurIPS 22, equations 1 to 4. As there,
    alpha has a Gaussian prior of variance 1 around 1 and log beta one around 0; the M-step is one Fisher scoring step for
    each parameter instead of conjugate gradients, the share is learned, and samples with equal votes share their ease.
    Tempered like `dawid_skene`. `prior_mean` moves alpha's prior mean to its log-odds, and `prior_strength` makes that
    as firm as so many votes; `weight` multiplies a labeler's log-odds.
    """

    correlation: float = Field(0.05, ge=0.0, le=1.0)
    """Share of their errors that labelers have in common: 0 trusts their independence."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return probabilities; NaN where nobody voted. Gold is not used."""
        patterns = find_patterns(votes)
        log_odds_K, p_K, n_steps = _fit(patterns, _prior_of(votes.labelers))
        return Aggregate(
            patterns.per_sample(em.tempered(log_odds_K, patterns, self.correlation)),
            "glad",
            warnings=[*one_sided("glad", patterns, votes.labelers), *disagrees("glad", patterns, p_K)],
            facts={"n_steps": float(n_steps), "n_patterns": float(len(patterns.n_K))},
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Prior:
    mean_M: Floats
    precision_M: Floats
    factor_M: Floats


def _prior_of(labelers: Sequence[Labeler]) -> _Prior:
    q_M = np.array(
        [expit(1.0) if lab.prior_mean is None else lab.prior_mean for lab in labelers], dtype=np.float64
    )
    q_M = np.clip(q_M, 0.02, 0.98)
    strength_M = np.array([np.nan if lab.prior_strength is None else lab.prior_strength for lab in labelers])
    precision_M = np.where(np.isnan(strength_M), 1.0, np.maximum(strength_M * q_M * (1 - q_M), 0.01))
    weights = [1.0 if lab.weight is None else lab.weight for lab in labelers]
    return _Prior(logit(q_M), precision_M, np.array(weights, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """The votes of the patterns, one entry E for each kind of vote of a labeler on a pattern."""

    pattern_E: Ints
    labeler_E: Ints
    sign_E: Floats
    count_E: Floats


def _entries(patterns: Patterns) -> _Entries:
    votes = patterns.votes_KX.tocoo()
    pattern_E, column_E = votes.coords
    m = patterns.n_labelers
    up_E = column_E < m
    return _Entries(pattern_E, np.where(up_E, column_E, column_E - m), np.where(up_E, 1.0, -1.0), votes.data)


def _fit(patterns: Patterns, prior: _Prior) -> tuple[Floats, Floats, int]:
    """Return log-odds and probabilities of the patterns, and the steps taken."""
    entries, n_patterns, n_K = _entries(patterns), len(patterns.n_K), patterns.n_K * patterns.voted_K
    p_K, alpha_M = em.majority(patterns), prior.mean_M.copy()
    log_beta_K: Floats = np.zeros(n_patterns)
    log_odds_K: Floats = np.zeros(n_patterns)
    n_steps = 0
    while n_steps < _MOST_STEPS:
        n_steps += 1
        alpha_M, log_beta_K = _maximise(entries, n_K, p_K, prior, alpha_M, log_beta_K)
        share = (float(n_K @ p_K) + 1) / (float(n_K.sum()) + 2)
        worth_E = (prior.factor_M * alpha_M)[entries.labeler_E] * np.exp(log_beta_K)[entries.pattern_E]
        evidence_K = np.bincount(
            entries.pattern_E, weights=worth_E * entries.sign_E * entries.count_E, minlength=n_patterns
        )
        log_odds_K = np.asarray(logit(share) + evidence_K, dtype=np.float64)
        before_K, p_K = p_K, expit(log_odds_K)
        if float(np.abs(p_K - before_K).max(initial=0.0)) < _TOLERANCE:
            break
    return log_odds_K, p_K, n_steps


def _maximise(
    entries: _Entries, n_K: Floats, p_K: Floats, prior: _Prior, alpha_M: Floats, log_beta_K: Floats
) -> tuple[Floats, Floats]:
    """Take one scoring step for each labeler's ability, then one for each pattern's ease."""
    pattern_E, labeler_E, count_E = entries.pattern_E, entries.labeler_E, entries.count_E
    right_E = np.where(entries.sign_E > 0, p_K[pattern_E], 1 - p_K[pattern_E])
    beta_E = np.exp(log_beta_K)[pattern_E]
    expected_E = expit(alpha_M[labeler_E] * beta_E)
    weight_E = n_K[pattern_E] * count_E
    gradient_M = _sums(labeler_E, weight_E * beta_E * (right_E - expected_E), len(alpha_M))
    curvature_M = _sums(labeler_E, weight_E * beta_E**2 * expected_E * (1 - expected_E), len(alpha_M))
    gradient_M = gradient_M - prior.precision_M * (alpha_M - prior.mean_M)
    alpha_M = alpha_M + np.clip(gradient_M / (curvature_M + prior.precision_M), -1, 1)

    worth_E = alpha_M[labeler_E] * beta_E
    expected_E = expit(worth_E)
    weight_E = prior.factor_M[labeler_E] * count_E
    gradient_K = _sums(pattern_E, weight_E * worth_E * (right_E - expected_E), len(log_beta_K))
    curvature_K = _sums(pattern_E, weight_E * worth_E**2 * expected_E * (1 - expected_E), len(log_beta_K))
    moved_K = log_beta_K + np.clip((gradient_K - log_beta_K) / (curvature_K + 1), -1, 1)
    return alpha_M, np.clip(moved_K, -_LARGEST_EASE, _LARGEST_EASE)


def _sums(index_E: Ints, values_E: Floats, n: int) -> Floats:
    return np.bincount(index_E, weights=values_E, minlength=n).astype(np.float64)
