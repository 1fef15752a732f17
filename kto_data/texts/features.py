"""Texts as sparse vectors: how often each word and each pair of consecutive words occurs, hashed into a fixed number of columns.

The hashing trick: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning" (arXiv 0902.2206);
weights as in Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval".

Shapes: D texts, V columns.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from kto_data.texts.shingles import shingles

N_COLUMNS = 1 << 18
"""V. Two features share a column by chance; with some ten thousand in use, few do."""

Floats = npt.NDArray[np.float64]


def counted(texts: pa.Array, *, seed: int = 0) -> csr_array:
    """Return the counts (D, V) of words and pairs of words.

    Args:
        texts: Strings without nulls.
        seed: Another one puts features into other columns, so that two texts of a row can be told apart.
    """
    rows, columns = [], []
    for n_words in (1, 2):
        found = shingles(texts, n_words)
        mixed = found.hash_S + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        columns.append((mixed >> np.uint64(64 - 18)).astype(np.int64))
        rows.append(np.repeat(np.arange(len(texts)), np.diff(found.start_D)))
    row, column = np.concatenate(rows), np.concatenate(columns)
    counts = csr_array((np.ones(len(row)), (row, column)), shape=(len(texts), N_COLUMNS))
    counts.sum_duplicates()
    return counts


def inverse_frequencies(n_with_V: npt.NDArray[np.integer], n_texts: int) -> Floats:
    """Return log((1 + D) / (1 + texts with the feature)) + 1 for each column: rare features weigh more."""
    weights: Floats = np.log((1 + n_texts) / (1 + n_with_V)) + 1
    return weights


def weighted(counts: csr_array, weight_V: Floats) -> csr_array:
    """Return vectors of length 1 whose entries are (1 + log count) times the column's weight."""
    data = (1 + np.log(counts.data)) * weight_V[counts.indices]
    lengths = np.sqrt(
        np.bincount(np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr)), data**2, counts.shape[0])
    )
    data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.indptr))
    vectors = csr_array((data, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)
    vectors.eliminate_zeros()
    return vectors
