"""What a sampling strategy is: samples in, the probability with which each is chosen out.

A strategy never picks "the first n": every choice has a known probability, because what is measured on chosen
samples (precision, the desirable share, calibration) is biased unless each counts by the inverse of it.

Shapes: N samples, H strata.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kto_data.config.validate import Options
from kto_data.registry import Registry

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The samples that can be chosen.

    Attributes:
        sample_ids: The N ids.
        p_desirable_N: The aggregate's probability; NaN where it has none.
        conflict_N: The share of the votes on a sample that the minority has, in [0, 0.5]; 0 where all agree.
        stratum_N: Index of each sample's stratum.
        strata: The names of the H strata: source, label and rule signature.
        has_votes: The votes are known, so that conflicts are.
    """

    sample_ids: Sequence[str]
    p_desirable_N: Floats
    conflict_N: Floats
    stratum_N: Ints
    strata: Sequence[str]
    has_votes: bool = True

    def __len__(self) -> int:
        return len(self.sample_ids)

    def at(self, chosen: npt.NDArray[np.generic]) -> "Candidates":
        """Return some of the samples, by truth values or positions."""
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Candidates(
            [self.sample_ids[int(at)] for at in positions],
            self.p_desirable_N[positions],
            self.conflict_N[positions],
            self.stratum_N[positions],
            self.strata,
            self.has_votes,
        )


class Strategy(Options, ABC):
    """A sampling strategy; its fields are its options, its docstring is its manual."""

    @abstractmethod
    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return the probability with which each of the N is chosen; they add up to n, or to N if that is less."""

    def parts(self, candidates: Candidates, n: int) -> dict[str, Floats]:
        """Return the probabilities by the name of what chooses; a strategy of several gives each its own."""
        [name] = [name for name in STRATEGIES if STRATEGIES.get(name) is type(self)]
        return {name: self.probabilities(candidates, n)}


STRATEGIES: Registry[type[Strategy]] = Registry(
    "sampling strategy",
    package="kto_data.labelers.humans.sampling",
    group="kto_data.sampling",
)
"""The strategies by the names that users call them."""


def proportional(weight_N: Floats, n: float) -> Floats:
    """Return probabilities proportional to weights that add up to n, none above 1.

    Where a weight would give more than 1 the sample is certain, and the others share the rest.
    Samples of weight 0 are chosen only when all others are certain; they share the rest alike.

    >>> proportional(np.array([1.0, 1.0, 8.0]), 2).tolist()
    [0.5, 0.5, 1.0]
    >>> proportional(np.array([0.0, 0.0, 3.0]), 2).tolist()
    [0.5, 0.5, 1.0]
    """
    n = min(float(n), float(len(weight_N)))
    p_N = np.zeros(len(weight_N))
    open_N = np.ones(len(weight_N), dtype=bool)
    while n > 1e-9 and open_N.any():
        total = float(weight_N[open_N].sum())
        share_N = np.full(len(weight_N), n / open_N.sum()) if total <= 0 else weight_N * (n / total)
        certain_N = open_N & (share_N >= 1.0)
        if not certain_N.any():
            p_N[open_N] = share_N[open_N]
            break
        p_N[certain_N] = 1.0
        open_N &= ~certain_N
        n -= int(certain_N.sum())
    return p_N


def allocate(weight_H: Floats, size_H: Ints, n: int) -> Ints:
    """Return whole numbers that add up to n, near-proportional to weights, none above its stratum's size.

    The fractions are rounded by largest remainder, so no stratum is off by one or more.

    >>> allocate(np.array([1.0, 1.0, 2.0]), np.array([10, 1, 10]), 8).tolist()
    [2, 1, 5]
    """
    n = min(n, int(size_H.sum()))
    wanted_H = np.zeros(len(size_H))
    open_H = size_H > 0
    left = float(n)
    while left > 1e-9 and open_H.any():
        weight = np.where(open_H, weight_H, 0.0)
        weight = np.where(open_H, 1.0, 0.0) if weight.sum() <= 0 else weight
        share_H = weight * (left / weight.sum())
        full_H = open_H & (share_H >= size_H)
        if not full_H.any():
            wanted_H += share_H
            break
        wanted_H[full_H] = size_H[full_H]
        left -= float(size_H[full_H].sum())
        open_H &= ~full_H
    whole_H = np.floor(wanted_H + 1e-9).astype(np.int64)
    by_remainder = np.argsort(-(wanted_H - whole_H), kind="stable")
    for at in by_remainder[: n - int(whole_H.sum())]:
        whole_H[at] += 1
    return whole_H


def within_strata(stratum_N: Ints, n_H: Ints) -> Floats:
    """Return equal probabilities inside each stratum that give it so many."""
    size_H = np.bincount(stratum_N, minlength=len(n_H))
    return np.asarray((n_H / np.maximum(size_H, 1))[stratum_N], dtype=np.float64)
