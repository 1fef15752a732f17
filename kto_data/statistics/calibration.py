"""How far stated probabilities can be taken at their word.

Shapes: N stated probabilities with their outcomes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kto_data.statistics.intervals import Interval, wilson

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
    gaps = sum(abs(float(p_N[part].mean() - outcome[part].mean())) * len(part) for part in _bins(p_N, n_bins))
    return Calibration(
        n, float(np.mean((p_N - outcome) ** 2)), gaps / n, float(p_N.mean()), float(outcome.mean())
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases with about the same stated probability.

    Attributes:
        n: How many.
        mean_stated: Their mean stated probability.
        share: The observed share, with Wilson's interval.
    """

    n: int
    mean_stated: float
    share: Interval


def reliability(
    p_N: Floats, outcome_N: npt.NDArray[np.bool_], *, n_bins: int = DEFAULT_BINS
) -> tuple[Bin, ...]:
    """Return stated and observed shares in bins of equally many cases, from the least likely on.

    >>> [(one.mean_stated, one.share.estimate) for one in
    ...     reliability(np.array([0.1, 0.3, 0.8, 1.0]), np.array([False, True, True, True]), n_bins=2)]
    [(0.2, 0.5), (0.9, 1.0)]
    """
    found = []
    for part in _bins(p_N, n_bins):
        share = wilson(int(np.count_nonzero(outcome_N[part])), len(part))
        assert share is not None, "no bin is empty"
        found.append(Bin(len(part), float(p_N[part].mean()), share))
    return tuple(found)


def ece_by_chance(
    p_N: Floats, generator: np.random.Generator, *, n_bins: int = DEFAULT_BINS, n_draws: int = 200
) -> float | None:
    """Return the expected calibration error that perfect probabilities have on so few cases; None without any.

    The mean over draws of outcomes from the stated probabilities themselves: an error near it is none.

    >>> ece_by_chance(np.array([0.0, 1.0]), np.random.default_rng(0))
    0.0
    """
    if not len(p_N):
        return None
    found = [calibration(p_N, generator.random(len(p_N)) < p_N, n_bins=n_bins) for _ in range(n_draws)]
    return float(np.mean([one.ece for one in found if one is not None]))


def _bins(p_N: Floats, n_bins: int) -> list[npt.NDArray[np.int64]]:
    """The cases in the order of their probabilities, in parts of the same size to within one."""
    n = len(p_N)
    return np.array_split(np.argsort(p_N, kind="stable"), min(n_bins, n)) if n else []
