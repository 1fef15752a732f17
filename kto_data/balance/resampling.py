"""Row weights for trainers that know none: rows repeated or left out, as often as they weigh.

Systematic resampling (Kitagawa 1996, https://doi.org/10.1080/10618600.1996.10474692, section 3): with weights of mean 1,
row i comes floor(W_i + u) - floor(W_{i-1} + u) times, W the running sum and u from [0, 1): floor(w_i) or one more.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ResamplingPlan:
    """How often each row comes, and what that costs.

    Attributes:
        copies: [n], at least 0; their sum is n.
        n_rows: n.
        n_distinct: Rows that come at all.
        effective_rows: (sum c)^2 / sum c^2 of the copies c: what n equal rows would be worth.
        effective_rows_weighted: The same of the weights: what a trainer that takes them would keep.
    """

    copies: Ints
    n_rows: int
    n_distinct: int
    effective_rows: float
    effective_rows_weighted: float


def resampling_plan(weights: Floats, *, seed: int) -> ResamplingPlan:
    """Return how often each row comes so that it counts what it weighs, on average over seeds exactly.

    Args:
        weights: Of the rows, [n], at least 0 and not all 0.
        seed: Of the one random number.

    >>> resampling_plan(np.array([2.0, 0.5, 0.5, 1.0]), seed=1).copies.tolist()
    [2, 1, 0, 1]
    """
    n = len(weights)
    if n == 0:
        return ResamplingPlan(np.empty(0, dtype=np.int64), 0, 0, 0.0, 0.0)
    scaled = np.cumsum(weights) * (n / weights.sum())
    scaled[-1] = n  # in floating point it is only nearly
    start = np.random.default_rng(seed).random()
    copies = np.diff(np.floor(scaled + start), prepend=np.floor(start)).astype(np.int64)
    return ResamplingPlan(
        copies,
        n,
        int((copies > 0).sum()),
        float(copies.sum() ** 2 / (copies**2).sum()),
        float(weights.sum() ** 2 / (weights**2).sum()),
    )
