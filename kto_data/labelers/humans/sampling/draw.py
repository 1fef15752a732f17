"""Draws exactly n samples with given probabilities, and says which part of the strategy chose each.

Shapes: N samples, n drawn.
"""

from dataclasses import dataclass

import numpy as np

from kto_data.labelers.humans.sampling.strategy import Candidates, Floats, Ints, Strategy


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What was drawn.

    Attributes:
        at: Positions among the candidates, in random order.
        p_selected: The probability with which each was chosen.
        chosen_by: The part of the strategy that chose each.
    """

    at: Ints
    p_selected: Floats
    chosen_by: list[str]


def draw(strategy: Strategy, candidates: Candidates, n: int, generator: np.random.Generator) -> Drawn:
    """Draw n of the candidates, or all where there are no more.

    Systematic sampling in random order: the probabilities are laid end to end, and every whole step from a random
    start picks what it falls on, so each sample is picked with exactly its own probability.
    W. G. Madow (1949), On the theory of systematic sampling II, Annals of Mathematical Statistics
    20(3), 333-354, https://doi.org/10.1214/aoms/1177729988

    >>> from kto_data.labelers.humans.sampling.simple_random import SimpleRandom
    >>> five = Candidates(list("abcde"), np.full(5, 0.5), np.zeros(5), np.zeros(5, dtype=np.int64), ["all"])
    >>> len(draw(SimpleRandom(), five, 2, np.random.default_rng(0)).at)
    2
    """
    n = min(n, len(candidates))
    parts = strategy.parts(candidates, n)
    names = list(parts)
    p_N = np.minimum(np.asarray(sum(parts.values()), dtype=np.float64), 1.0) if names else np.zeros(0)
    order = generator.permutation(len(candidates))
    ends = np.cumsum(p_N[order])
    if n:
        ends *= n / ends[-1]  # the sum is n up to rounding
    # each step lies strictly inside, so that exactly n are found
    steps = generator.random() * (1 - 1e-9) + np.arange(n)
    found = order[np.searchsorted(ends, steps, side="right")]
    found = generator.permutation(found)
    weights = np.stack([parts[name][found] for name in names]) if names else np.zeros((0, 0))
    which = (generator.random(len(found)) * weights.sum(axis=0) > np.cumsum(weights, axis=0)).sum(axis=0)
    return Drawn(found, p_N[found], [names[min(int(one), len(names) - 1)] for one in which])
