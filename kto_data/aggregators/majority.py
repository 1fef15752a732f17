"""Majority: the share of a sample's votes that say desirable."""

import numpy as np

from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.votes.table import VoteTable


@METHODS.register("majority")
class Majority(Method):
    """Count votes; every vote is worth the same, whatever a labeler's weight or precision.

    p_desirable is the share of the votes that say desirable, so a tie is 0.5 and stays undecided.
    """

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return the share of desirable votes; NaN where nobody voted."""
        up_N, down_N = votes.per_sample(votes.up_V), votes.per_sample(votes.down_V)
        total_N = up_N + down_N
        p_N = np.divide(up_N, total_N, out=np.full_like(up_N, np.nan), where=total_N > 0)
        weighted = [labeler.name for labeler in votes.labelers if labeler.weight not in (None, 1.0)]
        ignored = f"majority counts every vote once and ignores the weight of {', '.join(weighted)}"
        return Aggregate(p_N, "majority", warnings=[ignored] if weighted else [])
