"""Majority: the share of a sample's votes that say desirable."""

import numpy as np

from kto_data.aggregators.method import METHODS, Method
from kto_data.votes.table import Floats, VoteTable


@METHODS.register("majority")
class Majority(Method):
    """Count votes; every vote is worth the same, whatever a labeler's weight or precision.

    p_desirable is the share of the votes that say desirable, so a tie is 0.5 and stays undecided.
    """

    def posterior(self, votes: VoteTable) -> Floats:
        """Return the share of desirable votes; NaN where nobody voted."""
        up_N, down_N = votes.per_sample(votes.up_V), votes.per_sample(votes.down_V)
        total_N = up_N + down_N
        return np.divide(up_N, total_N, out=np.full_like(up_N, np.nan), where=total_N > 0)
