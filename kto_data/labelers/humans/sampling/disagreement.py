"""Disagreement: samples on which labelers contradict one another."""

from kto_data.errors import InputError
from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, Floats, Strategy, proportional


@STRATEGIES.register("disagreement")
class Disagreement(Strategy):
    """In proportion to the minority's share of the votes; samples without a conflict only when those run out."""

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return probabilities in proportion to the minority's share.

        Raises:
            InputError: Nothing is known about votes.
        """
        if not candidates.has_votes:
            raise InputError(
                "a dataset does not hold the votes, so nobody knows where labelers disagree; name the run that wrote it, "
                "or choose another --strategy (random, uncertain, stratified)"
            )
        return proportional(candidates.conflict_N, n)
