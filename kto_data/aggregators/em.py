"""Expectation-maximisation for labelers who err independently given the true label.

Shapes: M labelers, K patterns of votes; X = 2M columns, votes for desirable first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from kto_data.aggregators.patterns import Patterns
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import Floats

_TOLERANCE = 1e-5
"""EM stops when the log-posterior, divided by the votes, rises by less; later steps mostly fit chance."""
_MOST_STEPS = 200
_FIRMNESS = 10.0
"""EM begins with priors so many times as strong as they are stated."""
_MANY_PATTERNS = 40_000
"""With more patterns than this, EM starts on a random part of so many and ends on all of them."""

MOST_LOG_ODDS = 4.5
"""No sample is surer than 0.989 without gold: on judges' votes whole subsets are misjudged unanimously."""


@dataclass(frozen=True, slots=True, eq=False)
class Priors:
    """What is believed before any vote is seen.

    Attributes:
        mean_M: Assumed accuracy of each labeler.
        strength_M: How many votes of each kind that is worth; greater than 0.
        factor_M: Factor on each labeler's evidence.
        class_strength: Samples of each class seen in thought.
    """

    mean_M: Floats
    strength_M: Floats
    factor_M: Floats
    class_strength: float


def priors_of(
    labelers: Sequence[Labeler], *, accuracy: float, strength: float, class_strength: float
) -> Priors:
    """Return the priors that labelers state, or the given accuracy and strength where they state none."""
    return Priors(
        np.array(
            [accuracy if lab.prior_mean is None else lab.prior_mean for lab in labelers], dtype=np.float64
        ),
        np.maximum(
            [strength if lab.prior_strength is None else lab.prior_strength for lab in labelers], 0.01
        ),
        np.array([1.0 if lab.weight is None else lab.weight for lab in labelers], dtype=np.float64),
        class_strength,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What EM found.

    Attributes:
        p_K: The probability that a sample with the pattern is desirable.
        log_odds_K: ... as log-odds.
        worth_X: The log-odds that each vote adds.
        share: The estimated share of desirable samples, among those with votes.
        objective: The log-posterior divided by the votes.
        n_steps: Steps taken.
    """

    p_K: Floats
    log_odds_K: Floats
    worth_X: Floats
    share: float
    objective: float
    n_steps: int


def majority(patterns: Patterns) -> Floats:
    """Return the share of desirable votes of each pattern; 0.5 without votes."""
    m = patterns.n_labelers
    up_K = np.asarray(patterns.votes_KX @ np.repeat([1.0, 0.0], m))
    total_K = np.asarray(patterns.votes_KX @ np.ones(2 * m))
    return np.asarray(np.divide(up_K, total_K, out=np.full(len(up_K), 0.5), where=total_K > 0))


def fit(patterns: Patterns, priors: Priors, *, symmetric: bool) -> Fit:
    """Return where EM leads from the better of two starts, which firm priors find.

    EM finds the nearest of several maxima. From the majority alone the two-coin model now and then takes a bias of the
    labelers for the label; the one-coin solution is a start without biases. Firm priors keep labelers with
    few votes from deciding which maximum it is, but would blur what the votes say, so they only begin.

    Args:
        patterns: The votes.
        priors: What is believed before.
        symmetric: Whether a labeler errs equally often on both labels (one-coin).
    """
    part, firm = _part(patterns), replace(priors, strength_M=_FIRMNESS * priors.strength_M)
    found = run(part, firm, majority(part), symmetric=symmetric)
    if not symmetric:
        start = run(part, firm, majority(part), symmetric=True)
        other = run(part, firm, start.p_K, symmetric=False)
        found = max(found, other, key=lambda fit: fit.objective)
    log_odds_K = np.asarray(patterns.votes_KX @ found.worth_X) + np.log(found.share / (1 - found.share))
    return run(patterns, priors, expit(log_odds_K), symmetric=symmetric)


def run(patterns: Patterns, priors: Priors, p_K: Floats, *, symmetric: bool) -> Fit:
    """Return where EM leads from the given probabilities.

    M-step: with n(v, y) the expected votes v on samples of label y, a = P(up | 1) and b = P(up | 0) are shares of
    n plus pseudo-votes; the one-coin model has a = 1 - b. E-step: the log-odds of a pattern are
    log share / (1 - share) + sum of factor_m log a / b over its votes up and of factor_m log (1 - a) / (1 - b) down.
    """
    m = patterns.n_labelers
    x_KX, x_XK = patterns.votes_KX, patterns.votes_KX.T
    n_K = patterns.n_K * patterns.voted_K
    n_samples = max(float(n_K.sum()), 1.0)
    cast_X = np.asarray(x_XK @ n_K)
    n_votes = max(float(cast_X.sum()), 1.0)
    right_M, wrong_M = priors.strength_M * priors.mean_M, priors.strength_M * (1 - priors.mean_M)
    one, zero = np.concatenate([right_M, wrong_M]), np.concatenate([wrong_M, right_M])
    factor_X = np.concatenate([priors.factor_M, priors.factor_M])
    objective, previous = -np.inf, -np.inf
    worth_X: Floats = np.zeros(2 * m)
    log_odds_K: Floats = np.zeros(len(n_K))
    share, n_steps = 0.5, 0
    while n_steps < _MOST_STEPS:
        n_steps += 1
        share = (float(n_K @ p_K) + priors.class_strength) / (n_samples + 2 * priors.class_strength)
        given1_X = np.asarray(x_XK @ (n_K * p_K))
        n1_X, n0_X = given1_X + one, cast_X - given1_X + zero
        if symmetric:
            n1_X = n1_X + np.roll(n0_X, m)
            n0_X = np.roll(n1_X, m)
        log1_X, log0_X = _log_shares(n1_X, m), _log_shares(n0_X, m)
        worth_X = factor_X * (log1_X - log0_X)
        log_odds_K = np.log(share / (1 - share)) + np.asarray(x_KX @ worth_X)
        p_K = expit(log_odds_K)
        likelihood = n_K @ np.logaddexp(0.0, log_odds_K) + cast_X @ (factor_X * log0_X)
        likelihood += n_samples * np.log(1 - share)
        prior = (one @ log1_X + zero @ log0_X) / (2 if symmetric else 1)
        prior += priors.class_strength * (np.log(share) + np.log(1 - share))
        objective = float(likelihood + prior) / n_votes
        if abs(objective - previous) < _TOLERANCE:
            break
        previous = objective
    return Fit(p_K, log_odds_K, worth_X, share, objective, n_steps)


def _log_shares(n_X: Floats, m: int) -> Floats:
    total_M = n_X[:m] + n_X[m:]
    return np.asarray(np.log(np.maximum(n_X / np.concatenate([total_M, total_M]), 1e-12)))


def _part(patterns: Patterns) -> Patterns:
    """Return a random part of many patterns, else all of them."""
    if len(patterns.n_K) <= _MANY_PATTERNS:
        return patterns
    rng = np.random.default_rng(0)  # which part must only be arbitrary
    chosen = np.sort(rng.choice(len(patterns.n_K), _MANY_PATTERNS, replace=False))
    # frequent patterns that were not drawn would be missing, so the most frequent all belong
    chosen = np.union1d(chosen, np.argpartition(-patterns.n_K, _MANY_PATTERNS // 4)[: _MANY_PATTERNS // 4])
    return replace(
        patterns,
        votes_KX=patterns.votes_KX[chosen],
        n_K=patterns.n_K[chosen],
        voted_K=patterns.voted_K[chosen],
    )


def tempered(log_odds_K: Floats, patterns: Patterns, correlation: float) -> Floats:
    """Return probabilities from log-odds divided by the design effect 1 + correlation x (votes - 1), and bounded.

    Labelers share their errors (hard samples mislead all of them), so that n votes are worth fewer
    independent ones; the design effect is that of cluster sampling (L. Kish, 1965, Survey sampling). The
    bound, `MOST_LOG_ODDS` approached smoothly, is for the samples that mislead everybody. Both change how sure a
    sample is, never its side nor the order of samples with equally many votes.
    """
    votes_K = np.asarray(patterns.votes_KX @ np.ones(patterns.votes_KX.shape[1]))
    shrunk_K = log_odds_K / (1 + correlation * np.maximum(votes_K - 1, 0))
    return np.asarray(expit(MOST_LOG_ODDS * np.tanh(shrunk_K / MOST_LOG_ODDS)))
