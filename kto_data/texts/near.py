"""Near-duplicates among many texts: candidates by locality-sensitive hashing, each verified by the true Jaccard similarity.

Two texts are near when their sets of shingles have |A & B| / |A | B| >= threshold; nothing else counts, so nothing is
called near that is not. A row can have several texts (a prompt and a completion): then each must be near its own.

Rows are numbered in their order of precedence, which the caller chooses by their ids: the results do not depend on
the order in which rows are read. Memory: 4 bytes a row and band (84 at a threshold of .8), and 8 a distinct shingle of
the rows that share a band with another, in a file.

Shapes: N rows, of which D at a time; F texts of each; B bands; E entries of rows in buckets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.texts.minhash import band_keys, bands_for
from kto_data.texts.shingles import Shingles, mixed, shingles
from kto_data.texts.words import I64, U64

_MAX_BYTES = 1 << 20


class Buckets(NamedTuple):
    """Rows that share a band with another, sorted by band, bucket and row.

    Attributes:
        row_E: The row.
        band_E: The band.
        start: Where each bucket starts, and at the end how many entries there are.
    """

    row_E: npt.NDArray[np.int32]
    band_E: npt.NDArray[np.uint8]
    start: I64

    @property
    def rows(self) -> I64:
        """The rows in any bucket, sorted."""
        return np.unique(self.row_E).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Near:
    """What counts as near.

    Attributes:
        threshold: The least Jaccard similarity, above 0 and at most 1.
        n_words: Words in a shingle.
    """

    threshold: float
    n_words: int

    def keys(self, texts: Sequence[pa.Array], group: U64 | None = None) -> npt.NDArray[np.uint32]:
        """Return the band keys (D, B) of rows, of which `texts` has the F columns.

        Args:
            texts: Strings without nulls, D in each.
            group: A number for each row; only rows of equal ones can become candidates.
        """
        bands = bands_for(self.threshold)
        parts = []
        for place in slices(texts):
            # if each text is near, so is the union of their sets: one signature stands for the row
            keys_DB = band_keys(_union([shingles(column[place], self.n_words) for column in texts]), bands)
            if group is not None:
                keys_DB ^= (mixed(group[place]) >> np.uint64(32)).astype(np.uint32)[:, None]
            parts.append(keys_DB)
        return np.concatenate(parts) if parts else np.empty((0, bands.n_bands), np.uint32)


def slices(texts: Sequence[pa.Array]) -> Iterator[slice]:
    """Cut rows so that a part has about a million bytes of text, or one row."""
    n = len(texts[0])
    sizes = np.sum([_sizes(column) for column in texts], axis=0)
    start = 0
    while start < n:
        n_taken = max(1, int(np.searchsorted(np.cumsum(sizes[start : start + 65_536]), _MAX_BYTES)))
        yield slice(start, min(n, start + n_taken))
        start += n_taken


def _sizes(column: pa.Array) -> I64:
    column = column.cast(pa.large_string())
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    return np.diff(offsets)


def _union(sets: Sequence[Shingles]) -> Shingles:
    """Return each row's shingles of all its texts, told apart by which text they are of."""
    if len(sets) == 1:
        return sets[0]
    lengths = [np.diff(one.start_D) for one in sets]
    start_D = np.concatenate([[0], np.cumsum(np.sum(lengths, axis=0))])
    hash_S = np.empty(start_D[-1], np.uint64)
    filled_D = start_D[:-1].copy()
    for number, (one, length_D) in enumerate(zip(sets, lengths, strict=True)):
        place_S = np.arange(len(one.hash_S)) + np.repeat(filled_D - one.start_D[:-1], length_D)
        hash_S[place_S] = mixed(one.hash_S + np.uint64(number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF))
        filled_D += length_D
    return Shingles(hash_S, start_D)


def buckets(keys_NB: npt.NDArray[np.uint32]) -> Buckets:
    """Return the buckets of two rows or more."""
    rows_of, starts, n_entries = [], [], 0
    row_N = np.arange(len(keys_NB), dtype=np.uint64)
    for band in range(keys_NB.shape[1]):
        entries = np.sort((keys_NB[:, band].astype(np.uint64) << np.uint64(32)) | row_N)
        key = entries >> np.uint64(32)
        same = np.zeros(len(entries) + 1, dtype=bool)
        same[1:-1] = key[1:] == key[:-1]
        chosen = np.flatnonzero(same[1:] | same[:-1])
        rows_of.append((entries[chosen] & np.uint64(0xFFFFFFFF)).astype(np.int32))
        starts.append(n_entries + np.flatnonzero(~same[:-1][chosen]))
        n_entries += len(chosen)
    return Buckets(
        np.concatenate([*rows_of, np.zeros(0, np.int32)]),
        np.repeat(np.arange(len(rows_of), dtype=np.uint8), [len(rows) for rows in rows_of]),
        np.concatenate([*starts, [n_entries]]).astype(np.int64),
    )
