"""Weighted: every vote adds its labeler's log-odds, as if labelers erred independently."""

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.votes.table import VoteTable


@METHODS.register("weighted")
class Weighted(Method):
    """Add up log-odds: a labeler of precision q moves a sample by weight x log(q / (1 - q)) a vote.

    This is naive Bayes with symmetric errors and an even prior (Nitzan & Paroush 1982 show that
    these are the optimal weights of independent voters). A labeler's `precision.mean` is its q, and
    its `weight` a factor on top (1 unless given); nothing is learned from the votes themselves.
    """

    default_precision: float = Field(0.7, gt=0.5, lt=1.0)
    """Precision of a labeler that states none."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return the logistic of the summed log-odds; NaN where nobody voted."""
        precisions = [
            self.default_precision if labeler.prior_mean is None else labeler.prior_mean
            for labeler in votes.labelers
        ]
        weights = [1.0 if labeler.weight is None else labeler.weight for labeler in votes.labelers]
        # certainty would outvote everything else for ever, so it is taken as very nearly certain
        worth_M = np.asarray(weights) * logit(np.clip(np.asarray(precisions), 0.001, 0.999))
        evidence_N = votes.evidence(worth_M, -worth_M)
        voted_N = votes.per_sample(votes.up_V + votes.down_V) > 0
        p_N = np.where(voted_N, expit(evidence_N), np.nan)
        return Aggregate(p_N, "weighted", worth_M=worth_M, worth_against_M=-worth_M)
