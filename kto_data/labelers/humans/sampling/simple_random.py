"""Random: every sample is as likely as any other."""

import numpy as np

from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, Floats, Strategy


@STRATEGIES.register("random")
class SimpleRandom(Strategy):
    """The fair choice: what is measured on it holds for all samples as it is."""

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return n / N for each."""
        n_all = max(1, len(candidates))
        return np.full(len(candidates), min(1.0, n / n_all))
