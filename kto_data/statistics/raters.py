"""How far any number of annotators agree on two labels, with any number of answers on each item.

Everything follows from how many said desirable and undesirable of each item, so who said it does not matter; what
two named annotators make of each other is in `agreement`.

Shapes: N items.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def pair_agreement(up_N: Counts, down_N: Counts) -> float | None:
    """Share of the pairs of answers on one item that are alike, averaged over items with two answers or more.

    The observed agreement of Fleiss and of Gwet. None without such an item.

    >>> pair_agreement(np.array([2, 1, 2]), np.array([0, 1, 1]))  # 1, 0 and 1/3
    0.4444444444444444
    """
    alike_N, _ = _alike(up_N, down_N)
    return float(alike_N.mean()) if len(alike_N) else None


def fleiss_kappa(up_N: Counts, down_N: Counts) -> float | None:
    """Fleiss' kappa: agreement beyond what answers drawn from the pooled shares would give.

    kappa = (P - P_e) / (1 - P_e), with P the observed agreement and P_e the sum of the squared pooled shares.
    J. L. Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological Bulletin
    76(5), 378-382, equations 3 to 7, https://doi.org/10.1037/h0031619. Items with one answer are left out.

    Returns:
        None without items that have two answers, and where all answers are the same (0 / 0).

    >>> round(fleiss_kappa(np.array([2, 0, 1, 2]), np.array([0, 2, 1, 0])), 4)  # P = 3/4, P_e = 25/64 + 9/64
    0.4667
    """
    alike_N, kept_N = _alike(up_N, down_N)
    if not len(alike_N):
        return None
    up, down = int(up_N[kept_N].sum()), int(down_N[kept_N].sum())
    if up == 0 or down == 0:
        return None
    share = up / (up + down)
    chance = share**2 + (1 - share) ** 2
    return (float(alike_N.mean()) - chance) / (1 - chance)


def krippendorff_alpha(up_N: Counts, down_N: Counts) -> float | None:
    """Krippendorff's alpha for nominal data: 1 - observed / expected disagreement.

    alpha = 1 - (n - 1) o / (2 n_up n_down), with o the ordered pairs of unlike answers, those of an item
    with m answers counted with weight 1 / (m - 1), and n the answers on items that have two or more.
    K. Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C,
    https://repository.upenn.edu/asc_papers/43

    Returns:
        None without items that have two answers, and where all answers are the same.

    >>> round(krippendorff_alpha(np.array([2, 0, 1, 2]), np.array([0, 2, 1, 0])), 4)  # 1 - 7 * 2 / (2 * 5 * 3)
    0.5333
    """
    answers_N = up_N + down_N
    kept_N = answers_N >= 2
    up, down = up_N[kept_N], down_N[kept_N]
    n_up, n_down = int(up.sum()), int(down.sum())
    if n_up == 0 or n_down == 0:
        return None
    unlike = float((2 * up * down / (answers_N[kept_N] - 1)).sum())
    return 1.0 - (n_up + n_down - 1) * unlike / (2 * n_up * n_down)


def gwet_ac1(up_N: Counts, down_N: Counts) -> float | None:
    """Gwet's AC1, which stays meaningful where nearly all answers are the same and kappa falls to 0.

    AC1 = (P - P_e) / (1 - P_e) with P_e = 2 s (1 - s) and s the mean over items of the share that said desirable.
    K. L. Gwet (2008), Computing inter-rater reliability and its variance in the presence of high agreement,
    British Journal of Mathematical and Statistical Psychology 61(1), 29-48, equations 3 to 5,
    https://doi.org/10.1348/000711006X126600. Items with one answer count for s.

    Returns:
        None without items that have two answers.

    >>> round(gwet_ac1(np.array([2, 0, 1, 2]), np.array([0, 2, 1, 0])), 4)  # P_e = 2 * 5/8 * 3/8
    0.5294
    """
    alike_N, _ = _alike(up_N, down_N)
    if not len(alike_N):
        return None
    answers_N = up_N + down_N
    some_N = answers_N > 0
    share = float((up_N[some_N] / answers_N[some_N]).mean())
    chance = 2 * share * (1 - share)
    return (float(alike_N.mean()) - chance) / (1 - chance)


def _alike(up_N: Counts, down_N: Counts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the share of like pairs of each item with two answers or more, and which items these are."""
    answers_N = up_N + down_N
    kept_N = answers_N >= 2
    up, down, n = up_N[kept_N], down_N[kept_N], answers_N[kept_N]
    return (up * (up - 1) + down * (down - 1)) / (n * (n - 1)), kept_N
