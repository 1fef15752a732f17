"""Uncertain: samples on which the aggregate could go either way."""

import numpy as np
from pydantic import Field

from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, Floats, Strategy, proportional

_FLOOR = 0.02
"""Beside a weight of 1 at the decision: what is surest has a chance, too, and no item has to count for hundreds."""


@STRATEGIES.register("uncertain")
class Uncertain(Strategy):
    """The nearer p_desirable is to the decision, the likelier: by (1 - |2 p - 1|) ** sharpness, and never 0.

    A sample without a probability counts as one at .5.
    """

    sharpness: float = Field(2.0, gt=0.0)
    """1 falls off evenly; larger values keep nearer to the decision."""

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return probabilities that fall off with the distance from the decision."""
        p_N = np.where(np.isnan(candidates.p_desirable_N), 0.5, candidates.p_desirable_N)
        return proportional((1.0 - np.abs(2.0 * p_N - 1.0)) ** self.sharpness + _FLOOR, n)
