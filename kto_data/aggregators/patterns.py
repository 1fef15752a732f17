"""Samples with equal votes, told once: what the methods that iterate work on.

Rules agree on most samples, so a million samples have a few thousand distinct patterns of votes, and
an iteration costs what the patterns cost.

Shapes: N samples, M labelers, V entries of the vote table, K patterns.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from kto_data.votes.table import Floats, Indices, Ints, VoteTable

_SAMPLES_AT_ONCE = 131_072
"""Bounds the memory of telling samples apart."""


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
    n_samples = len(votes.sample_ids)
    sample_V = votes.sample_V
    if (sample_V[1:] < sample_V[:-1]).any():
        votes = votes.where(np.argsort(sample_V, kind="stable"))  # type: ignore[arg-type]  # an index array sorts
        sample_V = votes.sample_V
    size_N = np.bincount(sample_V, minlength=n_samples)
    ends_N = np.cumsum(size_N)
    # hashing keeps the order of first samples, and is faster than sorting
    pattern_N = pc.dictionary_encode(pa.array(_keys(votes, ends_N))).indices.to_numpy().astype(np.int64)
    pa.default_memory_pool().release_unused()  # the hash table has gone, and what follows needs the most memory
    size_K = np.bincount(pattern_N).astype(np.float64)
    first_K = np.empty(len(size_K), dtype=np.int64)
    first_K[pattern_N[::-1]] = np.arange(n_samples - 1, -1, -1)
    starts_K = np.concatenate([[0], np.cumsum(size_N[first_K])]).astype(np.int32)
    del ends_N, size_N
    return Patterns(_votes_of(votes, first_K, starts_K), size_K, pattern_N, np.diff(starts_K) > 0)


def _keys(votes: VoteTable, ends_N: Ints) -> npt.NDArray[np.uint64]:
    """Return a number for each of the N samples that tells its votes; 0 where nobody voted."""
    n_samples, n_labelers = len(ends_N), len(votes.labelers)
    rng = np.random.default_rng(0)  # any fixed numbers do: they only tell patterns apart
    keys_X = rng.integers(1, 2**63, size=2 * n_labelers, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    key_N = np.zeros(n_samples, dtype=np.uint64)
    for start in range(0, n_samples, _SAMPLES_AT_ONCE):
        stop = min(start + _SAMPLES_AT_ONCE, n_samples)
        part = slice(ends_N[start - 1] if start else 0, ends_N[stop - 1])
        sample_V, labeler_V = votes.sample_V[part], votes.labeler_V[part]
        if not len(sample_V):
            continue
        key_V = keys_X[labeler_V] * votes.up_V[part].astype(np.uint64)
        key_V += keys_X[labeler_V + n_labelers] * votes.down_V[part].astype(np.uint64)
        starts = np.flatnonzero(np.concatenate([[True], sample_V[1:] != sample_V[:-1]]))
        key_N[sample_V[starts]] = np.add.reduceat(key_V, starts)
    return key_N


def _votes_of(votes: VoteTable, first_K: Ints, starts_K: Indices) -> sparse.csr_array:
    """Return the votes of the samples that stand for the patterns; these are in ascending order, as are the votes.

    `starts_K` says where the votes of each pattern begin.
    """
    n_labelers, n_patterns = len(votes.labelers), len(first_K)
    chosen_N = np.zeros(len(votes.sample_ids), dtype=bool)
    chosen_N[first_K] = True
    keep_V = chosen_N[votes.sample_V]
    # one array at a time, for there can be ten times as many votes as samples
    up_V, down_V = votes.up_V[keep_V], votes.down_V[keep_V]
    against_V = up_V == 0
    mixed_V = ~against_V & (down_V > 0)
    counts_V = up_V.astype(np.float64)
    np.copyto(counts_V, down_V, where=against_V)
    against = down_V[mixed_V].astype(np.float64)
    del up_V, down_V
    column_V = votes.labeler_V[keep_V].astype(np.int32, copy=False)
    column_V[against_V] += np.int32(n_labelers)
    shape = (n_patterns, 2 * n_labelers)
    found = sparse.csr_array((counts_V, column_V, starts_K), shape=shape)
    if mixed_V.any():  # several people voted under one name, both ways
        rows = np.repeat(np.arange(n_patterns), np.diff(starts_K))[mixed_V]
        found = found + sparse.csr_array((against, (rows, column_V[mixed_V] + n_labelers)), shape=shape)
    return found
