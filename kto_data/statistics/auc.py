"""Does a score rank desirable outputs above undesirable ones: over all rows, and inside each prompt.

Both measures are shares of won pairs, so they do not depend on the scale of the scores. The AUC over
all rows also rewards a score that only knows which prompts go well; the pair accuracy inside
prompts does not.

Shapes: N rows, G groups, L distinct scores (levels).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from kto_data.statistics.intervals import (
    DEFAULT_LEVEL,
    DEFAULT_RESAMPLES,
    IntArray,
    Interval,
    cluster_bootstrap,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PairAccuracy:
    """How often the desirable output of a prompt scores higher than an undesirable one of it.

    Attributes:
        share: Share of pairs in which it does, a tie counting half; None without any pair.
        n_pairs: Pairs of one desirable and one undesirable row of the same group.
        n_groups: Groups that have such a pair.
    """

    share: float | None
    n_pairs: int
    n_groups: int


def auc(scores_N: FloatArray, labels_N: BoolArray) -> float | None:
    """Area under the ROC curve: the share of (desirable, undesirable) pairs that the score ranks right.

    U / (n_D n_U), where the Mann-Whitney statistic U counts the pairs in which the desirable row scores
    higher, and a tie as half a pair.

    H. B. Mann and D. R. Whitney (1947), On a test of whether one of two random variables is
    stochastically larger than the other, Annals of Mathematical Statistics 18(1), 50-60,
    https://doi.org/10.1214/aoms/1177730491; J. A. Hanley and B. J. McNeil (1982), The meaning and
    use of the area under a receiver operating characteristic curve, Radiology 143(1), 29-36,
    https://doi.org/10.1148/radiology.143.1.7063747 (that the two are the same)

    Args:
        scores_N: Any finite or infinite numbers; a NaN is an error (a diverged training, say).
        labels_N: True = desirable.

    Returns:
        A share in [0, 1]; None when one of the two classes is missing.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    return _auc_of_levels(_score_levels(scores_N, labels_N), labels_N)


def within_group_pair_accuracy(
    scores_N: FloatArray, labels_N: BoolArray, groups_N: npt.NDArray[np.generic]
) -> PairAccuracy:
    """Share of (desirable, undesirable) pairs inside one group in which the desirable row scores higher.

    Every pair counts once, so a prompt with many outputs of both labels counts more than one with few.

    Args:
        scores_N: Any finite or infinite numbers; a NaN is an error.
        labels_N: True = desirable.
        groups_N: The group of each row, such as its prompt_id.

    >>> scores, labels = np.array([2.0, 1.0, 1.0, 3.0]), np.array([True, False, True, False])
    >>> within_group_pair_accuracy(scores, labels, np.array(["p", "p", "q", "q"]))
    PairAccuracy(share=0.5, n_pairs=2, n_groups=2)
    """
    wins_G, n_pairs_G = _wins_by_group(scores_N, labels_N, groups_N)
    n_pairs = int(n_pairs_G.sum())
    share = None if n_pairs == 0 else float(wins_G.sum() / n_pairs)
    return PairAccuracy(share, n_pairs, int(np.count_nonzero(n_pairs_G)))


def auc_interval(
    scores_N: FloatArray,
    labels_N: BoolArray,
    groups_N: npt.NDArray[np.generic],
    generator: np.random.Generator,
    *,
    n_resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval | None:
    """`auc` with its cluster bootstrap interval over groups; None where there is none.

    >>> scores = np.array([0.1, 0.4, 0.4, 0.9, 0.5, 0.6])
    >>> labels = np.array([False, False, True, True, False, True])
    >>> auc_interval(scores, labels, np.array([1, 1, 2, 2, 3, 3]), np.random.default_rng(0)).estimate
    0.8333333333333334
    """
    level_N = _score_levels(scores_N, labels_N, groups_N)  # once: sorting anew for every resample is slow

    def area(rows: IntArray) -> float | None:
        return _auc_of_levels(level_N[rows], labels_N[rows])

    return cluster_bootstrap(area, groups_N, generator, n_resamples=n_resamples, level=level)


def pair_accuracy_interval(
    scores_N: FloatArray,
    labels_N: BoolArray,
    groups_N: npt.NDArray[np.generic],
    generator: np.random.Generator,
    *,
    n_resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval | None:
    """`within_group_pair_accuracy` with its cluster bootstrap interval; None where there is none.

    >>> scores, labels = np.array([2.0, 1.0, 1.0, 3.0]), np.array([True, False, True, False])
    >>> pair_accuracy_interval(scores, labels, np.array([1, 1, 2, 2]), np.random.default_rng(0))
    Interval(estimate=0.5, lower=0.0, upper=1.0, level=0.95)
    """
    wins_G, n_pairs_G = _wins_by_group(scores_N, labels_N, groups_N)
    # a group without a pair says nothing about pairs: only groups that could be compared are drawn
    wins_G, n_pairs_G = wins_G[n_pairs_G > 0], n_pairs_G[n_pairs_G > 0]

    def share(drawn_G: IntArray) -> float | None:
        n_pairs = n_pairs_G[drawn_G].sum()
        return float(wins_G[drawn_G].sum() / n_pairs) if n_pairs else None

    return cluster_bootstrap(
        share, np.arange(len(n_pairs_G)), generator, n_resamples=n_resamples, level=level
    )


def _score_levels(scores_N: FloatArray, *others_N: npt.NDArray[np.generic]) -> IntArray:
    """The number, from 0, of each row's score among the distinct scores in rising order."""
    if any(len(other_N) != len(scores_N) for other_N in others_N):
        lengths = [len(scores_N), *(len(other_N) for other_N in others_N)]
        raise ValueError(f"scores, labels and groups have different lengths: {lengths}")
    n_nan = int(np.isnan(scores_N).sum())
    if n_nan:
        raise ValueError(f"{n_nan} of {len(scores_N)} scores are NaN and cannot be ranked")
    level_N: IntArray = np.unique(scores_N, return_inverse=True)[1]
    return level_N


def _auc_of_levels(level_N: IntArray, labels_N: BoolArray) -> float | None:
    """The AUC from the scores' levels, by counting both labels at every level."""
    desirable_N = labels_N.astype(bool)
    n_levels = int(level_N.max(initial=-1)) + 1
    n_desirable_L = np.bincount(level_N[desirable_N], minlength=n_levels)
    n_undesirable_L = np.bincount(level_N[~desirable_N], minlength=n_levels)
    n_pairs = n_desirable_L.sum() * n_undesirable_L.sum()
    beaten_L = np.cumsum(n_undesirable_L) - n_undesirable_L / 2
    return float(n_desirable_L @ beaten_L / n_pairs) if n_pairs else None


def _wins_by_group(
    scores_N: FloatArray, labels_N: BoolArray, groups_N: npt.NDArray[np.generic]
) -> tuple[FloatArray, IntArray]:
    """The won pairs (a tie is half a win) and the number of pairs of each group, in sorted group order."""
    level_N = _score_levels(scores_N, labels_N, groups_N)
    desirable_N = labels_N.astype(bool)
    _, group_N, n_rows_G = np.unique(groups_N, return_inverse=True, return_counts=True)
    n_groups = len(n_rows_G)
    # ranking (group, score) and taking off the rows of earlier groups gives midranks inside each group
    rank_N = rankdata(group_N * len(scores_N) + level_N) - (np.cumsum(n_rows_G) - n_rows_G)[group_N]
    n_desirable_G = np.bincount(group_N[desirable_N], minlength=n_groups)
    rank_sum_G = np.bincount(group_N[desirable_N], weights=rank_N[desirable_N], minlength=n_groups)
    wins_G = rank_sum_G - n_desirable_G * (n_desirable_G + 1) / 2  # the Mann-Whitney U of each group
    return wins_G, n_desirable_G * (n_rows_G - n_desirable_G)
