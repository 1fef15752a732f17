"""Neyman: labels where they narrow the interval of the desirable share most, with a random share kept."""

import numpy as np
from pydantic import Field

from kto_data.labelers.humans.sampling.strategy import (
    STRATEGIES,
    Candidates,
    Floats,
    Ints,
    Strategy,
    allocate,
    within_strata,
)


@STRATEGIES.register("neyman")
class Neyman(Strategy):
    """A stratum gets labels in proportion to its size times its standard deviation.

    n_h ~ N_h S_h with S_h^2 the mean of p (1 - p) in the stratum, or at least that of one in twenty, since p may be
    wrong. J. Neyman (1934), On the two different aspects of the representative method, Journal of
    the Royal Statistical Society 97(4), 558-625, https://doi.org/10.2307/2342192
    """

    random_share: float = Field(0.2, ge=0.0, le=1.0)
    """Of the labels this share goes to samples chosen fairly, because p may be wrong anywhere."""

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return equal probabilities inside a stratum, none of them 0 when a random share is kept."""
        n = min(n, len(candidates))
        n_random = self.random_share * n
        fair_N = np.full(len(candidates), n_random / max(1, len(candidates)))
        n_H = neyman_allocation(candidates, n - round(n_random))
        p_N: Floats = fair_N + within_strata(candidates.stratum_N, n_H) * ((n - n_random) / max(1, n_H.sum()))
        # certain samples leave something over, which the others share
        while (over := float(np.clip(p_N - 1.0, 0.0, None).sum())) > 1e-9:
            p_N = np.minimum(p_N, 1.0)
            open_N = p_N < 1.0
            p_N[open_N] += over / open_N.sum()
        return p_N


def expected_spread(candidates: Candidates) -> Floats:
    """Return the standard deviation of the labels to be expected in each stratum."""
    p_N = np.where(np.isnan(candidates.p_desirable_N), 0.5, candidates.p_desirable_N)
    size_H = np.bincount(candidates.stratum_N, minlength=len(candidates.strata))
    total_H = np.bincount(candidates.stratum_N, weights=p_N * (1 - p_N), minlength=len(candidates.strata))
    spread_H: Floats = np.sqrt(np.maximum(total_H / np.maximum(size_H, 1), 0.05 * 0.95))
    return spread_H


def neyman_allocation(candidates: Candidates, n: int) -> Ints:
    """Return how many of n labels each stratum gets."""
    size_H = np.bincount(candidates.stratum_N, minlength=len(candidates.strata))
    return allocate(size_H * expected_spread(candidates), size_H, n)
