"""Intervals for shares, for their differences, and for any statistic of grouped rows.

An estimate without its interval cannot say whether a model got better, so everything that is
reported as a figure comes from here as an `Interval`. Where no interval can be given (nothing was
counted, or one single group) the functions return None: a made-up width would be worse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

DEFAULT_LEVEL = 0.95
DEFAULT_RESAMPLES = 1000
"""Enough for the ends of a 95% percentile interval: 25 resamples lie beyond each."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence interval.

    Attributes:
        estimate: The statistic on the data as they are.
        lower: The lower end.
        upper: The upper end.
        level: The nominal coverage, such as 0.95.
    """

    estimate: float
    lower: float
    upper: float
    level: float = DEFAULT_LEVEL

    def excludes(self, value: float) -> bool:
        """Return whether `value` lies outside, so that the data speak against it at this level."""
        return value < self.lower or value > self.upper


def wilson(n_successes: float, n: float, *, level: float = DEFAULT_LEVEL) -> Interval | None:
    """Wilson's score interval for a share; None when nothing was counted.

    Keeps its coverage where the textbook interval fails: few cases, shares near 0 or 1. The ends
    are the two roots p of (k/n - p)^2 = z^2 p (1 - p) / n, with k successes in n and z the normal
    quantile of the level. Cases that count differently are given as their effective number.

    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22(158), 209-212,
    https://doi.org/10.1080/01621459.1927.10502953

    >>> share = wilson(0, 20)
    >>> round(share.estimate, 4), round(share.lower, 4), round(share.upper, 4)
    (0.0, 0.0, 0.1611)
    """
    if not 0 <= n_successes <= n:
        raise ValueError(f"{n_successes} successes in {n} cases: a share needs 0 <= successes <= cases")
    if n == 0:
        return None
    z = _normal_quantile(level)
    share = n_successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # the roots are exactly 0 and 1 at the ends; rounding must not put the estimate outside its interval
    lower = 0.0 if n_successes == 0 else max(0.0, middle - half_width)
    upper = 1.0 if n_successes == n else min(1.0, middle + half_width)
    return Interval(share, lower, upper, level)


def cases_needed(share: float, n: float, *, half_width: float = 0.05, level: float = DEFAULT_LEVEL) -> int:
    """Return how many more cases make Wilson's interval no wider than +- `half_width`, if the share stays.

    The half-width is z / (1 + z^2/m) sqrt(share (1 - share) / m + z^2 / (4 m^2)) at m cases, which falls with
    m, so the least m is found by halving.

    >>> cases_needed(0.5, 0), cases_needed(0.5, 381), cases_needed(0.9, 100)
    (381, 0, 41)
    """
    z = _normal_quantile(level)

    def wide(m: int) -> bool:
        half = z / (1 + z * z / m) * sqrt(share * (1 - share) / m + z * z / (4 * m * m))
        return half > half_width

    low, high = 0, 1  # `low` cases are too few, `high` enough
    while wide(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return max(0, ceil(high - n))


def difference(first: Interval, second: Interval) -> Interval:
    """The interval of `first - second` from the two intervals, for independent estimates.

    The distances from each estimate to its own ends are squared and added, separately on each
    side, so that skewed intervals stay skewed (MOVER, with correlation 0). For estimates
    on the same prompts, which usually rise and fall together, the result is wider than need be:
    it errs on the side of "not clearly different".

    G. Y. Zou and A. Donner (2008), Construction of confidence limits about effect measures: a
    general approach, Statistics in Medicine 27(10), 1693-1702, https://doi.org/10.1002/sim.3095

    >>> gap = difference(Interval(0.8, 0.7, 0.9), Interval(0.5, 0.4, 0.6))
    >>> round(gap.estimate, 3), round(gap.lower, 3), round(gap.upper, 3)
    (0.3, 0.159, 0.441)
    """
    if first.level != second.level:
        raise ValueError(f"the intervals have different levels: {first.level} and {second.level}")
    gap = first.estimate - second.estimate
    below = sqrt((first.estimate - first.lower) ** 2 + (second.upper - second.estimate) ** 2)
    above = sqrt((first.upper - first.estimate) ** 2 + (second.estimate - second.lower) ** 2)
    return Interval(gap, gap - below, gap + above, first.level)


def difference_of_shares(
    n_successes_first: int,
    n_first: int,
    n_successes_second: int,
    n_second: int,
    *,
    level: float = DEFAULT_LEVEL,
) -> Interval | None:
    """Newcombe's hybrid score interval for the first share minus the second; None when either is empty.

    Wilson's interval of each share, put together as `difference` does (method 10 of the paper).

    R. G. Newcombe (1998), Interval estimation for the difference between independent proportions:
    comparison of eleven methods, Statistics in Medicine 17(8), 873-890,
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    >>> gap = difference_of_shares(56, 70, 48, 80)  # the paper's first example
    >>> round(gap.lower, 4), round(gap.upper, 4)
    (0.0524, 0.3339)
    """
    first = wilson(n_successes_first, n_first, level=level)
    second = wilson(n_successes_second, n_second, level=level)
    return None if first is None or second is None else difference(first, second)


def mean_of_pairs(differences_N: npt.NDArray[np.float64], *, level: float = DEFAULT_LEVEL) -> Interval | None:
    """The interval of the mean of differences on the same N cases, each of about -1 to 1; None without any.

    Wald's interval with half an observation of +1, of -1, and one of 0 added, which keeps it honest where all
    differences are equal: 0 of 20 changed does not mean that none ever does. For differences of -1, 0 and 1 it is
    the paired interval of A. Agresti and Y. Min (2005), Simple improved confidence intervals for comparing matched
    proportions, Statistics in Medicine 24(5), 729-740, https://doi.org/10.1002/sim.1781

    >>> change = mean_of_pairs(np.array([1.0, 1.0, 1.0, -1.0] + 6 * [0.0]))
    >>> round(change.estimate, 3), round(change.lower, 3), round(change.upper, 3)
    (0.2, -0.186, 0.52)
    """
    n = len(differences_N)
    if not n:
        return None
    n_plus = n + 2.0
    middle = float(differences_N.sum()) / n_plus
    spread = max(float(differences_N @ differences_N) + 1.0 - n_plus * middle**2, 0.0)
    half = _normal_quantile(level) * sqrt(spread) / n_plus
    estimate = float(differences_N.mean())
    return Interval(estimate, min(middle - half, estimate), max(middle + half, estimate), level)


def cluster_bootstrap(
    statistic: Callable[[IntArray], float | None],
    groups_N: npt.NDArray[np.generic],
    generator: np.random.Generator,
    *,
    n_resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval | None:
    """A percentile interval of any statistic, resampling whole groups.

    Rows of one prompt are not independent; resampling rows would make the interval too narrow.
    Groups are drawn with replacement, as many as there are, each with all its rows. A group that
    is drawn twice has its rows twice, so a statistic that compares rows inside a group must be
    reduced to one row a group first, as `auc.pair_accuracy_interval` does.

    B. Efron and R. J. Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentile
    interval); C. A. Field and A. H. Welsh (2007), Bootstrapping clustered data, Journal of the
    Royal Statistical Society B 69(3), 369-390, https://doi.org/10.1111/j.1467-9868.2007.00593.x

    Args:
        statistic: Takes row numbers (each in [0, N), repeats possible); None where it is undefined.
        groups_N: The group of each row, such as its prompt_id.
        generator: Where the draws come from.
        n_resamples: How often groups are drawn.
        level: The nominal coverage.

    Returns:
        None when the statistic is undefined on the data, when there is only one group, or when it
        is undefined in more than half of the resamples; other undefined resamples are left out.

    >>> values = np.array([1.0, 2.0, 3.0, 4.0])
    >>> groups = np.array(["a", "a", "b", "b"])
    >>> cluster_bootstrap(lambda rows: float(values[rows].mean()), groups, np.random.default_rng(1))
    Interval(estimate=2.5, lower=1.5, upper=3.5, level=0.95)
    """
    estimate = statistic(np.arange(len(groups_N)))
    _, group_N, n_rows_G = np.unique(groups_N, return_inverse=True, return_counts=True)
    n_groups = len(n_rows_G)
    if estimate is None or n_groups < 2:
        return None
    order_N = np.argsort(group_N, kind="stable")
    start_G = np.cumsum(n_rows_G) - n_rows_G
    found = []
    for _ in range(n_resamples):
        drawn_G = generator.integers(n_groups, size=n_groups)
        value = statistic(_rows_of(drawn_G, order_N, start_G, n_rows_G))
        if value is not None:
            found.append(value)
    if 2 * len(found) < n_resamples or not found:
        return None
    tail = (1 - level) / 2
    lower, upper = np.quantile(np.array(found), [tail, 1 - tail])
    return Interval(estimate, float(lower), float(upper), level)


def _rows_of(drawn_G: IntArray, order_N: IntArray, start_G: IntArray, n_rows_G: IntArray) -> IntArray:
    """The rows of the drawn groups, one group after the other."""
    size_G = n_rows_G[drawn_G]
    end_G = np.cumsum(size_G)
    within = np.arange(end_G[-1]) - np.repeat(end_G - size_G, size_G)
    rows: IntArray = order_N[np.repeat(start_G[drawn_G], size_G) + within]
    return rows


def _normal_quantile(level: float) -> float:
    """The z with a share of `level` of a standard normal within plus or minus z."""
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return NormalDist().inv_cdf((1 + level) / 2)
