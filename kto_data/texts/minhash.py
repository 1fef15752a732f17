"""Which sets are likely near one another: locality-sensitive hashing of min-hash signatures.

Broder 1997, "On the resemblance and containment of documents"; banding as in Leskovec, Rajaraman and Ullman, "Mining of
Massive Datasets", 3.4; one permutation in K bins with rotation: Li, Owen and Zhang 2012 (arXiv 1208.1259) and
Shrivastava and Li 2014 (arXiv 1406.4784). What is found are candidates: two sets of similarity s share at least
one of b bands of r values with probability 1 - (1 - s^r)^b, so some are missed and most that are not near are found
seldom. Whoever needs certainty compares the sets themselves.

Shapes: D sets, S elements of all of them, K bins, B bands.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kto_data.texts.shingles import Shingles, mixed
from kto_data.texts.words import U64

N_BINS = 128
MAX_MISSED = 0.002
"""The share of pairs exactly at the threshold that may be missed; those above it are missed less."""

_EMPTY = np.uint32(0xFFFFFFFF)
_ROTATED = np.uint32(0x9E3779B1)


class Bands(NamedTuple):
    """How a signature is cut.

    Attributes:
        n_bands: Bands; one that is equal makes a candidate.
        n_rows: Values in each.
    """

    n_bands: int
    n_rows: int


def bands_for(threshold: float) -> Bands:
    """Return the longest bands that miss at most `MAX_MISSED` of the pairs at the threshold.

    >>> bands_for(0.8)
    Bands(n_bands=21, n_rows=6)
    """
    for n_rows in range(32, 0, -1):
        n_bands = N_BINS // n_rows
        if (1 - threshold**n_rows) ** n_bands <= MAX_MISSED:
            return Bands(n_bands, n_rows)
    return Bands(N_BINS, 1)


def band_keys(sets: Shingles, bands: Bands) -> npt.NDArray[np.uint32]:
    """Return a key for each set and band, (D, B); equal keys of one band make a candidate.

    A key has 32 bits, so of a million sets about a hundred pairs a band share one by chance. No set may be empty. Sets without elements get keys too; they mean nothing.
    """
    signature_DK = _signatures(sets)
    keys_DB = np.empty((len(signature_DK), bands.n_bands), np.uint32)
    for band in range(bands.n_bands):
        sums_D: npt.NDArray[np.uint64] = np.full(len(signature_DK), band, np.uint64)
        for column in range(band * bands.n_rows, (band + 1) * bands.n_rows):
            sums_D = sums_D * np.uint64(0x9E3779B97F4A7C15) + signature_DK[:, column]
        keys_DB[:, band] = mixed(sums_D) >> np.uint64(32)
    return keys_DB


def _signatures(sets: Shingles) -> npt.NDArray[np.uint32]:
    """Return the least value of each set in each bin; an empty bin takes that of the next one that is not."""
    n_sets = len(sets.start_D) - 1
    bits = np.uint64(64 - (N_BINS - 1).bit_length())
    bin_S: U64 = sets.hash_S >> bits
    bin_S += np.repeat(np.arange(n_sets, dtype=np.uint64) * np.uint64(N_BINS), np.diff(sets.start_D))
    value_S = (sets.hash_S & np.uint64(0xFFFFFFFE)).astype(np.uint32)  # never the mark of an empty bin
    signature = np.full(n_sets * N_BINS, _EMPTY, np.uint32)
    np.minimum.at(signature, bin_S.view(np.int64), value_S)
    signature_DK = signature.reshape(n_sets, N_BINS)
    is_empty_DK = signature_DK == _EMPTY
    for _ in range(2):  # around the end, too
        for k in range(N_BINS - 1, -1, -1):
            after_D = signature_DK[:, (k + 1) % N_BINS]
            take_D = is_empty_DK[:, k] & (after_D != _EMPTY)
            # the distance is made part of the value, so that two sets agree only if they agree on how far it came
            np.copyto(signature_DK[:, k], after_D * np.uint32(3) + _ROTATED, where=take_D)
            is_empty_DK[:, k] &= ~take_D
        if not is_empty_DK.any():
            break
    return signature_DK
