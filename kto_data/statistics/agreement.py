"""How far two labelers agree: confusion counts, the agreeing share, Cohen's kappa.

Labels come as votes: +1 desirable, -1 undesirable, 0 none given (an abstention, an undecided sample).
`as_votes` makes them from booleans with None. Only rows that both have labelled are compared.

Shapes: N rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kto_data.schema import ABSTAIN, DESIRABLE, UNDESIRABLE

VoteArray = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Confusion:
    """The counts of two labelers' labels against each other.

    Attributes:
        n_both_desirable: Rows both call desirable.
        n_only_first_desirable: Rows the first calls desirable and the second undesirable.
        n_only_second_desirable: Rows the second calls desirable and the first undesirable.
        n_both_undesirable: Rows both call undesirable.
        n_missing: Rows that one of them, or both, left without a label.
    """

    n_both_desirable: int
    n_only_first_desirable: int
    n_only_second_desirable: int
    n_both_undesirable: int
    n_missing: int

    @property
    def n_compared(self) -> int:
        """Rows that both have labelled."""
        return (
            self.n_both_desirable
            + self.n_only_first_desirable
            + self.n_only_second_desirable
            + self.n_both_undesirable
        )

    @property
    def n_agree(self) -> int:
        """Rows that both have labelled alike."""
        return self.n_both_desirable + self.n_both_undesirable


def as_votes(labels: Iterable[bool | None]) -> VoteArray:
    """Return labels as votes: True is +1, False is -1, None is 0.

    >>> as_votes([True, False, None]).tolist()
    [1, -1, 0]
    """
    codes = [ABSTAIN if label is None else DESIRABLE if label else UNDESIRABLE for label in labels]
    return np.array(codes, dtype=np.int8)


def confusion(first_N: VoteArray, second_N: VoteArray) -> Confusion:
    """Count the rows by what the first and the second labeler said.

    >>> confusion(as_votes([True, True, False, None]), as_votes([True, False, False, True]))
    ... # doctest: +NORMALIZE_WHITESPACE
    Confusion(n_both_desirable=1, n_only_first_desirable=1, n_only_second_desirable=0,
              n_both_undesirable=1, n_missing=1)
    """
    if len(first_N) != len(second_N):
        raise ValueError(f"{len(first_N)} labels against {len(second_N)}: both need one a row")

    def count(first: int, second: int) -> int:
        return int(np.count_nonzero((first_N == first) & (second_N == second)))

    return Confusion(
        n_both_desirable=count(DESIRABLE, DESIRABLE),
        n_only_first_desirable=count(DESIRABLE, UNDESIRABLE),
        n_only_second_desirable=count(UNDESIRABLE, DESIRABLE),
        n_both_undesirable=count(UNDESIRABLE, UNDESIRABLE),
        n_missing=int(np.count_nonzero((first_N == ABSTAIN) | (second_N == ABSTAIN))),
    )


def agreement_share(counts: Confusion) -> float | None:
    """Share of the compared rows labelled alike (percent agreement, as a fraction); None without any.

    >>> agreement_share(Confusion(20, 5, 10, 15, 0))
    0.7
    """
    return counts.n_agree / counts.n_compared if counts.n_compared else None


def cohen_kappa(counts: Confusion) -> float | None:
    """Cohen's kappa: agreement beyond what the two labelers' own rates would give by chance.

    kappa = (p_o - p_c) / (1 - p_c), with p_o the observed share of agreement and p_c the share expected of
    independent labelers with the same rates of desirable (equation 1 of the paper). 1 is perfect, 0 is
    chance, negative is worse than chance.

    J. Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20(1), 37-46, https://doi.org/10.1177/001316446002000104

    Returns:
        None when nothing was compared, and when both gave one and the same label throughout: chance
        alone would agree as well then, and kappa is 0 / 0.

    >>> round(cohen_kappa(Confusion(20, 5, 10, 15, 0)), 6)  # p_o = .7, p_c = .5 * .6 + .5 * .4 = .5
    0.4
    """
    n = counts.n_compared
    if n == 0:
        return None
    n_first = counts.n_both_desirable + counts.n_only_first_desirable
    n_second = counts.n_both_desirable + counts.n_only_second_desirable
    # in whole numbers, so that "expected to agree everywhere" is found exactly
    n_squared_chance = n_first * n_second + (n - n_first) * (n - n_second)
    if n_squared_chance == n * n:
        return None
    return (counts.n_agree * n - n_squared_chance) / (n * n - n_squared_chance)
