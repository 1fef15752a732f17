"""Random numbers by purpose: no global seed, and no purpose disturbs another."""

import numpy as np

# One independent stream of random numbers a purpose: more SFT epochs must not change KTO's order.
WEIGHTS, SFT_ORDER, KTO_ORDER, PAIRS, LABELS, EVALUATION, HELD_ASIDE = range(7)


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The random numbers of one purpose of a run."""
    return np.random.default_rng([seed, purpose])
