"""Mixed: some chosen fairly, some where labelers are unsure, some where they disagree, some of every kind."""

import numpy as np
from pydantic import Field, model_validator

from kto_data.labelers.humans.sampling.disagreement import Disagreement
from kto_data.labelers.humans.sampling.simple_random import SimpleRandom
from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, Floats, Strategy
from kto_data.labelers.humans.sampling.stratified import Stratified
from kto_data.labelers.humans.sampling.uncertain import Uncertain


@STRATEGIES.register("mixed")
class Mixed(Strategy):
    """The default. A random share is always in it, because it calibrates everything else.

    Every sample's probability is the sum of what its parts give it, so each has a chance, and each
    chosen item is one of a part's by that part's share of its probability: those of `random` are a fair sample.
    """

    random: float = Field(0.4, gt=0.0, le=1.0)
    """The share that is chosen fairly."""
    uncertain: float = Field(0.25, ge=0.0, le=1.0)
    disagreement: float = Field(0.2, ge=0.0, le=1.0)
    stratified: float = Field(0.15, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _all_of_it(self) -> "Mixed":
        if abs(self.random + self.uncertain + self.disagreement + self.stratified - 1.0) > 1e-6:
            raise ValueError("the shares of a mixed batch add up to 1")
        return self

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return the sum of what the parts give."""
        return np.asarray(sum(self.parts(candidates, n).values()), dtype=np.float64)

    def parts(self, candidates: Candidates, n: int) -> dict[str, Floats]:
        """Return what each part gives each sample; nothing gets more than 1 of all together."""
        n = min(n, len(candidates))
        shares: dict[str, tuple[float, Strategy]] = {
            "random": (self.random, SimpleRandom()),
            "uncertain": (self.uncertain, Uncertain()),
            "stratified": (self.stratified, Stratified()),
        }
        if candidates.has_votes and (candidates.conflict_N > 0).any():
            shares["disagreement"] = (self.disagreement, Disagreement())
        whole = sum(share for share, _ in shares.values())
        parts = {
            name: strategy.probabilities(candidates, n) * (share / whole)
            for name, (share, strategy) in shares.items()
            if share > 0
        }
        return parts
