"""The share of desirable samples, with an interval, from predictions on all samples and gold on a few.

Averaging predicted labels repeats the predictor's errors; counting gold alone wastes the predictions. The
estimate here is right whatever the predictions are worth, and the better they are the narrower its interval.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from kto_data.statistics.intervals import DEFAULT_LEVEL, Interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """A share with its interval.

    Attributes:
        interval: The estimate and its ends, in [0, 1].
        naive: The mean prediction, uncorrected.
        tuning: How much of the predictions is used: 0 counts gold alone, 1 corrects the mean prediction.
        n_gold: Gold labels used.
        worth: How many randomly drawn gold labels alone would give as narrow an interval.
    """

    interval: Interval
    naive: float
    tuning: float
    n_gold: int
    worth: float


def corrected_share(
    p_N: Floats,
    *,
    gold_G: npt.NDArray[np.bool_],
    p_held_out_G: Floats,
    weight_G: Floats | None = None,
    group_G: npt.NDArray[np.int64] | None = None,
    level: float = DEFAULT_LEVEL,
) -> ShareEstimate | None:
    """Return the share of desirable samples, corrected by gold; None with fewer than two groups of gold.

    theta = mean_G(y) + tuning x (mean_N(p) - mean_G(p)): the gold labels, plus what the predictions say about how
    the gold differs from all samples (PPI++: A. Angelopoulos, J. Duchi, T. Zrnic, 2023, PPI++: Efficient
    prediction-powered inference, arXiv 2311.01453, equation 4; tuning = Cov(y, p) / ((1 + n/N) Var(p)), equation 11).
    With predictions that are labels it is the estimator of W. Rogan and B. Gladen (1978), Estimating
    prevalence from the results of a screening test, doi 10.1093/oxfordjournals.aje.a112510, up to the tuning.

    Predictions on gold must come from fits that had not seen it (T. Zrnic, E. Candes, 2024,
    Cross-prediction-powered inference, arXiv 2309.16598), or they look better than they are. The variance is
    clustered by group, and the interval is Student's, for small n.

    Args:
        p_N: Predictions for all N samples; NaN (no evidence) counts as the mean of the others.
        gold_G: Gold labels of some.
        p_held_out_G: Predictions for these; NaN likewise.
        weight_G: 1 / the probability of having been chosen, up to a factor; equal when None.
        group_G: Samples that stand or fall together (a prompt); None when all are independent.
        level: Nominal coverage.
    """
    n_gold = len(gold_G)
    weight_G = np.ones(n_gold) if weight_G is None else np.asarray(weight_G, dtype=np.float64)
    group_G = np.arange(n_gold) if group_G is None else np.unique(group_G, return_inverse=True)[1]
    n_groups = int(group_G.max(initial=-1)) + 1
    if n_groups < 2 or len(p_N) == 0 or weight_G.sum() <= 0:
        return None
    known = p_N[~np.isnan(p_N)]
    filler = float(known.mean()) if len(known) else 0.5
    p_N, f_G = np.where(np.isnan(p_N), filler, p_N), np.where(np.isnan(p_held_out_G), filler, p_held_out_G)
    y_G, w_G = gold_G.astype(np.float64), weight_G / weight_G.sum()

    y_mean, f_mean = float(w_G @ y_G), float(w_G @ f_G)
    spread = float(w_G @ (f_G - f_mean) ** 2)
    covariance = float(w_G @ ((f_G - f_mean) * (y_G - y_mean)))
    ratio = n_gold / len(p_N)
    tuning = float(np.clip(covariance / ((1 + ratio) * spread), 0.0, 1.0)) if spread > 1e-12 else 0.0
    estimate = y_mean + tuning * (float(p_N.mean()) - f_mean)

    residual_G = w_G * (y_G - y_mean - tuning * (f_G - f_mean))
    small = n_groups / (n_groups - 1)
    variance = small * float((np.bincount(group_G, weights=residual_G) ** 2).sum())
    variance += tuning**2 * float(p_N.var()) / len(p_N)
    # gold that all agrees has no spread, but that is chance: never below one label's worth of doubt
    variance = max(variance, _least_variance(y_mean, n_gold))
    reach = float(stdtrit(n_groups - 1, 0.5 + level / 2)) * sqrt(variance)
    estimate = min(max(estimate, 0.0), 1.0)
    interval = Interval(estimate, max(0.0, estimate - reach), min(1.0, estimate + reach), level)
    worth = max(estimate * (1 - estimate), _least_variance(estimate, n_gold)) / variance
    return ShareEstimate(interval, float(known.mean()) if len(known) else float("nan"), tuning, n_gold, worth)


def _least_variance(share: float, n: int) -> float:
    """Return the variance of a share of n labels of which one differed, when none did; else 0."""
    if 0.0 < share < 1.0:
        return 0.0
    return (n / (n + 1)) / (n + 1) / n
