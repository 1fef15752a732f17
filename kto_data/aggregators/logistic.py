"""Logistic regression under a Gaussian prior, for few observations of many features.

Shapes: G observations, D features; the last coefficient is the intercept.
"""

import numpy as np
from scipy.special import expit, logit

from kto_data.votes.table import Floats, Ints

_MOST_STEPS = 50
_TOLERANCE = 1e-5
"""Newton stops when no observation's log-odds move by more."""
_LONGEST_STEP = 5.0
"""No observation's log-odds move further in one step, which keeps Newton from overshooting."""


def fit(
    x_GD: Floats, y_G: Floats, weight_G: Floats, *, mean_D: Floats, precision_D: Floats, start_D: Floats
) -> Floats:
    """Return the coefficients of greatest posterior probability, by Newton's method.

    They maximise sum_g weight_g log P(y_g | x_g w) - 1/2 sum_d precision_d (w_d - mean_d)^2.

    Args:
        x_GD: Features, with a column of ones for the intercept.
        y_G: 1 or 0.
        weight_G: What each observation counts.
        mean_D: The prior's mean.
        precision_D: ... and the inverse of its variance, greater than 0.
        start_D: Where to begin; it does not change what is found.
    """
    w_D = start_D.copy()
    for _ in range(_MOST_STEPS):
        p_G = expit(x_GD @ w_D)
        curvature_G = weight_G * p_G * (1 - p_G) + 1e-9
        gradient_D = x_GD.T @ (weight_G * (y_G - p_G)) - precision_D * (w_D - mean_D)
        step_D = _solve(x_GD, curvature_G, precision_D, gradient_D)
        longest = float(np.abs(x_GD @ step_D).max(initial=0.0))
        w_D += step_D * min(1.0, _LONGEST_STEP / max(longest, 1e-12))
        if longest < _TOLERANCE:
            break
    return w_D


def _solve(x_GD: Floats, curvature_G: Floats, precision_D: Floats, gradient_D: Floats) -> Floats:
    """Return (diag(precision) + x' diag(curvature) x)^-1 gradient, inverting the smaller of G x G and D x D."""
    n, d = x_GD.shape
    if d <= n:
        hessian_DD = (x_GD.T * curvature_G) @ x_GD
        hessian_DD[np.diag_indices(d)] += precision_D
        return np.asarray(np.linalg.solve(hessian_DD, gradient_D), dtype=np.float64)
    scaled_GD = x_GD / precision_D  # Woodbury's identity
    inner_GG = scaled_GD @ x_GD.T
    inner_GG[np.diag_indices(n)] += 1 / curvature_G
    plain_D = gradient_D / precision_D
    return np.asarray(plain_D - scaled_GD.T @ np.linalg.solve(inner_GG, x_GD @ plain_D), dtype=np.float64)


def log_loss(z: Floats, y_G: Floats, weight_G: Floats) -> Floats:
    """Return the weighted sum of -log P(y) over the last axis, for log-odds z [..., G]."""
    losses: Floats = np.logaddexp(0.0, np.where(y_G > 0.5, -z, z)) @ weight_G
    return losses


def folds_of(group_G: Ints, y_G: Floats, n_folds: int) -> Ints:
    """Return a fold for each observation: groups stay whole, and folds are alike in size and share of y = 1."""
    _, first, group_G = np.unique(group_G, return_index=True, return_inverse=True)
    n_groups = len(first)
    size = np.bincount(group_G, minlength=n_groups)
    ones = np.bincount(group_G, weights=y_G, minlength=n_groups)
    shuffled = np.random.default_rng(0).permutation(n_groups)  # which group goes where must only be arbitrary
    order = shuffled[np.lexsort((size[shuffled], (ones / size)[shuffled]))]
    fold = np.empty(n_groups, dtype=np.int64)
    fold[order] = np.arange(n_groups) % n_folds
    return fold[group_G]


def platt(z_G: Floats, y_G: Floats, weight_G: Floats, *, strength: float) -> tuple[float, float]:
    """Return slope and intercept that calibrate log-odds: P(y = 1) = expit(slope z + intercept).

    J. Platt (1999), Probabilistic outputs for support vector machines and comparisons to regularized likelihood
    methods. As there, n labels of a class are fitted to (n + 1) / (n + 2) and not to 1, for ten labels that
    were all predicted right do not show that predictions are always right; besides, a Gaussian prior of
    precision `strength` holds slope 1 and intercept 0.
    """
    n_ones, n_zeros = float(weight_G @ y_G), float(weight_G @ (1 - y_G))
    target_G = np.where(y_G > 0.5, (n_ones + 1) / (n_ones + 2), 1 / (n_zeros + 2))
    x_GD = np.stack([z_G, np.ones_like(z_G)], axis=1)
    mean_D = np.array([1.0, 0.0])
    slope, intercept = fit(
        x_GD, target_G, weight_G, mean_D=mean_D, precision_D=np.full(2, strength), start_D=mean_D
    )
    return (float(slope), float(intercept)) if slope > 0 else (1.0, 0.0)


def smoothed_logit(right: Floats, total: Floats, *, mean: Floats, strength: Floats) -> Floats:
    """Return log-odds of a share whose prior is as if `strength` cases of share `mean` had been seen."""
    share = (right + strength * mean) / np.maximum(total + strength, 1e-9)
    return np.asarray(logit(np.clip(share, 0.001, 0.999)))
