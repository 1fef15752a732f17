"""What can be seen to go wrong without knowing the truth."""

from collections.abc import Sequence

import numpy as np

from kto_data.aggregators.em import majority
from kto_data.aggregators.patterns import Patterns
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import Floats

_MANY = 0.5
"""Share of one-sided labelers, or of samples decided against the majority, from which to warn."""


def one_sided(method: str, patterns: Patterns, labelers: Sequence[Labeler]) -> list[str]:
    """Warn when most labelers only ever vote one way, and the method hears votes but not silences."""
    cast_X = np.asarray(patterns.votes_KX.T @ patterns.n_K)
    up_M, down_M = cast_X[: len(labelers)], cast_X[len(labelers) :]
    voting = (up_M + down_M) > 0
    only = int((((up_M == 0) | (down_M == 0)) & voting).sum())
    if not voting.any() or only <= _MANY * voting.sum():
        return []
    return [
        f"{only} of {int(voting.sum())} labelers only ever vote one way; {method} learns nothing from such votes "
        "and can give every sample one label: use calibrated with gold labels, or firing without"
    ]


def disagrees(method: str, patterns: Patterns, p_K: Floats) -> list[str]:
    """Warn when a method decides most samples against the majority of their votes."""
    majority_K = majority(patterns)
    clear_K = patterns.voted_K & (np.abs(majority_K - 0.5) > 1e-9)
    total = float(patterns.n_K @ clear_K)
    against = float(patterns.n_K @ (clear_K & ((majority_K > 0.5) != (p_K > 0.5))))
    if not total or against <= _MANY * total:
        return []
    return [
        f"{method} decides {against / total:.0%} of the samples against the majority of their votes: it may have "
        "turned the labels upside down; label a few samples as gold to find out"
    ]
