"""Sets of shingles on disk, and how similar pairs of them are.

Shapes: N rows, of which D at a time; F texts of each; S shingles; P pairs; Q shingles of the pairs' smaller sets.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.texts.near import slices
from kto_data.texts.shingles import Shingles, shingles
from kto_data.texts.words import I64, U64

_MAX_SHINGLES = 1 << 20


class ShingleSets:
    """The sets of shingles of some of N rows, sorted, in files that are mapped into memory.

    Args:
        folder: For its files.
        n_rows: N.
        n_texts: F.
    """

    def __init__(self, folder: Path, n_rows: int, n_texts: int) -> None:
        self._paths = [folder / f"shingles_{number}" for number in range(n_texts)]
        self._files = [path.open("wb") for path in self._paths]
        self.start_FN = np.zeros((n_texts, n_rows), np.int64)
        self.length_FN = np.zeros((n_texts, n_rows), np.int64)
        self._filled = [0] * n_texts
        self.hash_F: list[U64] = []

    def add(self, row_D: I64, texts: Sequence[pa.Array], n_words: int) -> None:
        """Add the sets of rows."""
        for place in slices(texts):
            for number, column in enumerate(texts):
                hash_S, start_D = _sorted_sets(shingles(column[place], n_words))
                self._files[number].write(hash_S.tobytes())
                self.start_FN[number, row_D[place]] = start_D[:-1] + self._filled[number]
                self.length_FN[number, row_D[place]] = np.diff(start_D)
                self._filled[number] += len(hash_S)

    def close(self) -> None:
        """Finish writing; only then can sets be read."""
        for file in self._files:
            file.close()
        self.hash_F = [
            np.memmap(path, np.uint64, mode="r").view(np.ndarray) if filled else np.zeros(0, np.uint64)
            for path, filled in zip(self._paths, self._filled, strict=True)
        ]

    def similarities(self, first_P: I64, second_P: I64) -> npt.NDArray[np.float64]:
        """Return the Jaccard similarity of each pair; of several texts, the least. Two empty sets are equal."""
        least_P = np.ones(len(first_P))
        start = 0
        sizes_P = np.cumsum(self.length_FN[:, first_P].sum(axis=0)) if len(first_P) else np.zeros(0, np.int64)
        while start < len(first_P):
            done = sizes_P[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(sizes_P, done + _MAX_SHINGLES)))
            least_P[start:end] = self._least(first_P[start:end], second_P[start:end])
            start = end
        return least_P

    def _least(self, first_P: I64, second_P: I64) -> npt.NDArray[np.float64]:
        least_P = np.ones(len(first_P))
        for number in range(len(self.hash_F)):
            common_P = self._common(number, first_P, second_P)
            length_N = self.length_FN[number]
            union_P = length_N[first_P] + length_N[second_P] - common_P
            least_P = np.minimum(least_P, np.where(union_P > 0, common_P / np.maximum(union_P, 1), 1.0))
        return least_P

    def _common(self, text: int, first_P: I64, second_P: I64) -> I64:
        """Return how many shingles each pair has in common: those of the smaller set are looked for in the other."""
        start_N, length_N, hash_ = self.start_FN[text], self.length_FN[text], self.hash_F[text]
        swap_P = length_N[first_P] > length_N[second_P]
        small_P, large_P = np.where(swap_P, second_P, first_P), np.where(swap_P, first_P, second_P)
        n_P = length_N[small_P]
        end_P = np.cumsum(n_P)
        if not len(n_P) or not end_P[-1]:
            return np.zeros(len(n_P), np.int64)
        pair_Q = np.repeat(np.arange(len(n_P)), n_P)  # one entry a shingle of the smaller set
        wanted_Q = hash_[np.arange(end_P[-1]) + (start_N[small_P] - (end_P - n_P))[pair_Q]]
        low_Q = start_N[large_P][pair_Q]
        last_Q = low_Q + length_N[large_P][pair_Q] - 1
        high_Q = last_Q.copy()
        for _ in range(int(length_N[large_P].max()).bit_length()):  # bisection, of all at once
            middle_Q = (low_Q + high_Q) >> 1
            is_less_Q = hash_[middle_Q] < wanted_Q
            low_Q = np.where(is_less_Q, np.minimum(middle_Q + 1, last_Q), low_Q)
            high_Q = np.where(is_less_Q, high_Q, middle_Q)
        found_Q = hash_[low_Q] == wanted_Q
        return np.bincount(pair_Q[found_Q], minlength=len(n_P))


def _sorted_sets(sets: Shingles) -> Shingles:
    """Return each text's shingles sorted, every one once, by 48 of their 64 bits: one sort of one array is fast."""
    n_sets = len(sets.start_D) - 1
    assert n_sets <= 1 << 16, "`slices` cuts so"
    text_S = np.repeat(np.arange(n_sets, dtype=np.uint64), np.diff(sets.start_D))
    keys = np.sort((text_S << np.uint64(48)) | (sets.hash_S >> np.uint64(16)))
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = keys[1:] != keys[:-1]
    keys = keys[is_first]
    start_D = np.searchsorted(keys, np.arange(n_sets + 1, dtype=np.uint64) << np.uint64(48))
    start_D[n_sets:] = len(keys)
    return Shingles(keys & np.uint64((1 << 48) - 1), start_D)
