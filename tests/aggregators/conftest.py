"""Small vote tables, written as people would."""

import numpy as np
import pytest

from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


@pytest.fixture
def make_votes():
    def make(samples, **labelers):
        """`samples` is a list of {labeler: votes}, votes such as "+", "-" or "++-"; `labelers` their attributes."""
        names = sorted({name for sample in samples for name in sample} | set(labelers))
        known = [Labeler(name, "1", **{"kind": "rule", **labelers.get(name, {})}) for name in names]
        entries = [
            (s, names.index(name), votes.count("+"), votes.count("-"))
            for s, sample in enumerate(samples)
            for name, votes in sample.items()
        ]
        arrays = np.array(entries, dtype=np.int64).reshape(-1, 4).T
        return VoteTable([f"s{s}" for s in range(len(samples))], known, *arrays)

    return make
