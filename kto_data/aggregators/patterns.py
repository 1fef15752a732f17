"""Samples with equal votes, told once: what the methods that iterate work on.

Rules agree on most samples, so a million samples have a few thousand distinct patterns of votes, and
an iteration costs what the patterns cost.

Shapes: N samples, M labelers, V entries of the vote table, K patterns.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kto_data.votes.table import Floats, Ints, VoteTable


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """The distinct patterns of votes.

    Attributes:
        votes_KX: Sparse [K, 2M]: how often each labeler votes desirable (columns 0 to M - 1) and
            undesirable (columns M to 2M - 1) in each pattern.
        n_K: How many samples have the pattern.
        pattern_N: The pattern of each sample.
        voted_K: Whether anybody votes in it.
    """

    votes_KX: sparse.csr_array
    n_K: Floats
    pattern_N: Ints
    voted_K: npt.NDArray[np.bool_]

    @property
    def n_labelers(self) -> int:
        """M."""
        return int(self.votes_KX.shape[1] // 2)

    def per_sample(self, values_K: Floats) -> Floats:
        """Return each sample's value; NaN where nobody voted."""
        values_K = np.where(self.voted_K, values_K, np.nan)
        return values_K[self.pattern_N] if len(values_K) else np.zeros(0)


def find_patterns(votes: VoteTable) -> Patterns:
    """Return the distinct patterns of votes, in the order of their first samples.

    Patterns are told apart by the sum of a random 64-bit number for each vote cast in them; two of a
    million patterns are mistaken for each other once in 30 million tables.
    """
    n_samples, n_labelers = len(votes.sample_ids), len(votes.labelers)
    key_N = np.zeros(n_samples, dtype=np.uint64)
    rng = np.random.default_rng(0)  # any fixed numbers do: they only tell patterns apart
    keys_X = rng.integers(1, 2**63, size=2 * n_labelers, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    sample_V, labeler_V = votes.sample_V, votes.labeler_V
    if len(sample_V):
        if (sample_V[1:] < sample_V[:-1]).any():
            order = np.argsort(sample_V, kind="stable")
            votes = votes.where(order)  # type: ignore[arg-type]  # an index array selects and sorts
            sample_V, labeler_V = votes.sample_V, votes.labeler_V
        key_V = keys_X[labeler_V] * votes.up_V.astype(np.uint64)
        key_V += keys_X[labeler_V + n_labelers] * votes.down_V.astype(np.uint64)
        starts = np.flatnonzero(np.concatenate([[True], sample_V[1:] != sample_V[:-1]]))
        key_N[sample_V[starts]] = np.add.reduceat(key_V, starts)
    _, first_K, pattern_N, n_K = np.unique(key_N, return_index=True, return_inverse=True, return_counts=True)
    return Patterns(_votes_of(votes, first_K), n_K.astype(np.float64), pattern_N, np.isin(first_K, sample_V))


def _votes_of(votes: VoteTable, first_K: Ints) -> sparse.csr_array:
    """Return the votes of the samples that stand for the patterns."""
    n_labelers = len(votes.labelers)
    row_N = np.full(len(votes.sample_ids), -1, dtype=np.int64)
    row_N[first_K] = np.arange(len(first_K))
    row_V = row_N[votes.sample_V]
    rows, columns, counts = [], [], []
    for offset, count_V in ((0, votes.up_V), (n_labelers, votes.down_V)):
        keep_V = (row_V >= 0) & (count_V > 0)
        rows.append(row_V[keep_V])
        columns.append(votes.labeler_V[keep_V] + offset)
        counts.append(count_V[keep_V].astype(np.float64))
    entries = (np.concatenate(counts), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_array(entries, shape=(len(first_K), 2 * n_labelers))
