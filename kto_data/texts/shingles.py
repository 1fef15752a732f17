"""Shingles: every n consecutive words of a text, as 64-bit numbers.

Shapes: D texts, W words, S shingles.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from kto_data.texts.words import I64, U64, words

_STEP = np.uint64(0xD6E8FEB86659FD93)


class Shingles(NamedTuple):
    """The shingles of D texts, one text's after another's, in the order of the text; repeated ones too.

    Attributes:
        hash_S: A number for each shingle, evenly spread.
        start_D: Where each text's shingles start, and at the end how many there are; D + 1 numbers.
    """

    hash_S: U64
    start_D: I64


def shingles(texts: pa.Array, n_words: int) -> Shingles:
    """Return the shingles of texts; every text has one at least.

    A text with fewer words has one, of all of them; a text without words (`...`) one that stands for its characters.

    >>> shingles(pa.array(["a b c d", "a b", "..."]), 3).start_D.tolist()
    [0, 2, 3, 4]
    """
    hash_W, start_D = _with_wordless(texts, *words(texts))
    length_D = np.diff(start_D)
    n_shingles_D = np.maximum(length_D - n_words + 1, 1)
    end_D = np.cumsum(n_shingles_D)
    first_S = np.arange(end_D[-1] if len(end_D) else 0) + np.repeat(
        start_D[:-1] - (end_D - n_shingles_D), n_shingles_D
    )
    padded_W = np.concatenate([hash_W, np.zeros(n_words, np.uint64)])
    # all windows of the concatenated words are summed, and those that stay inside a text are taken
    sums_W = np.zeros(len(hash_W), np.uint64)
    for place in reversed(range(n_words)):
        sums_W = sums_W * _STEP + padded_W[place : place + len(hash_W)]
    hash_S = sums_W[first_S]
    is_short_D = length_D < n_words
    if is_short_D.any():
        hash_S[(end_D - n_shingles_D)[is_short_D]] = _sums(
            padded_W, start_D[:-1][is_short_D], start_D[1:][is_short_D], n_words
        )
    return Shingles(mixed(hash_S), np.concatenate([[0], end_D]))


def _with_wordless(texts: pa.Array, hash_W: U64, start_D: I64) -> tuple[U64, I64]:
    """Give each text without words one, made of its characters."""
    wordless = np.flatnonzero(start_D[1:] == start_D[:-1])
    if not len(wordless):
        return hash_W, start_D
    stand_ins = [
        xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))
        for text in texts.take(pa.array(wordless)).to_pylist()
    ]
    inserted = np.insert(hash_W, start_D[wordless], np.array(stand_ins, np.uint64))
    return inserted, start_D + np.concatenate([[0], np.cumsum(start_D[1:] == start_D[:-1])])


def _sums(padded_W: U64, start_D: I64, end_D: I64, n_words: int) -> U64:
    """Return the sums of all words of texts that have fewer than `n_words`."""
    sums_D = np.zeros(len(start_D), np.uint64)
    for place in reversed(range(n_words)):
        here_D = np.where(start_D + place < end_D, padded_W[start_D + place], np.uint64(0))
        sums_D = sums_D * _STEP + here_D
    return sums_D


def mixed(values: U64) -> U64:
    """Return numbers with all bits spread over all (the finaliser of MurmurHash3, a one-to-one function)."""
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        values = (values ^ (values >> np.uint64(33))) * factor
    return values ^ (values >> np.uint64(33))
