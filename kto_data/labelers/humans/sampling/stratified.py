"""Stratified: some of every kind of sample, also of the rare ones."""

import numpy as np

from kto_data.labelers.humans.sampling.strategy import (
    STRATEGIES,
    Candidates,
    Floats,
    Strategy,
    allocate,
    within_strata,
)


@STRATEGIES.register("stratified")
class Stratified(Strategy):
    """Strata are source x label x rules that voted; each gets by the square root of its size.

    Between a share in proportion to the size, where rare strata get nothing, and the same for all,
    where large ones get too little.
    """

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return equal probabilities inside a stratum."""
        size_H = np.bincount(candidates.stratum_N, minlength=len(candidates.strata))
        return within_strata(candidates.stratum_N, allocate(np.sqrt(size_H), size_H, n))
