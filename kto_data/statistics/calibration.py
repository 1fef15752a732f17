"""How far stated probabilities can be taken at their word.

Shapes: N stated probabilities with their outcomes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DEFAULT_BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Stated probabilities against what happened.

    Attributes:
        n: How many were compared.
        brier: The mean squared difference; 0 is perfect, 0.25 is what "one half" always gets.
        ece: The expected calibration error: the mean distance between stated and observed share over
            bins of equally many cases; at small n chance alone makes it larger than 0.
        mean_stated: The mean stated probability.
        share: The observed share.
    """

    n: int
    brier: float
    ece: float
    mean_stated: float
    share: float


def calibration(
    p_N: Floats, outcome_N: npt.NDArray[np.bool_], *, n_bins: int = DEFAULT_BINS
) -> Calibration | None:
    """Compare probabilities in [0, 1] with outcomes; None without any.

    G. W. Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather
    Review 78(1), 1-3; M. P. Naeini, G. Cooper and M. Hauskrecht (2015), Obtaining well calibrated
    probabilities using Bayesian binning, AAAI 29 (expected calibration error; bins of equal counts here).

    >>> calibration(np.array([0.0, 0.0, 1.0, 1.0]), np.array([False, True, True, True]), n_bins=2)
    Calibration(n=4, brier=0.25, ece=0.25, mean_stated=0.5, share=0.75)
    """
    n = len(p_N)
    if n == 0:
        return None
    outcome = outcome_N.astype(np.float64)
    gaps = 0.0
    for part in np.array_split(np.argsort(p_N, kind="stable"), min(n_bins, n)):
        gaps += abs(float(p_N[part].mean() - outcome[part].mean())) * len(part)
    return Calibration(
        n, float(np.mean((p_N - outcome) ** 2)), gaps / n, float(p_N.mean()), float(outcome.mean())
    )
