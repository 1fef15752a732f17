"""The words of many texts at once, as 64-bit numbers.

A word is a run of letters, marks, digits and underscores, in lower case. Where words are written without spaces between
them (Chinese, Japanese, Thai, ...), and for symbols (`+`, `=`, emoji), each character is a word. Punctuation is none.

Shapes: D texts, C characters, W words.
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_ALONE = np.uint32(1 << 31)
_ASSIGNED = 0x32400  # no letter stands beyond
_UNSPACED = (
    *(
        (0x0E00, 0x0EFF),
        (0x1000, 0x109F),
        (0x1780, 0x17FF),
        (0x3040, 0x30FF),
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
    ),
    *((0xF900, 0xFAFF), (0x20000, 0x323AF)),
)


class Words(NamedTuple):
    """The words of D texts, one text's after another's.

    Attributes:
        hash_W: A number for each word; equal words have equal ones, on every machine.
        start_D: Where each text's words start, and at the end how many there are; D + 1 numbers.
    """

    hash_W: U64
    start_D: I64


def words(texts: pa.Array) -> Words:
    """Return the words of texts (strings without nulls).

    >>> found = words(pa.array(["Yes, yes", "", "a+b"]))
    >>> found.start_D.tolist(), bool(found.hash_W[0] == found.hash_W[1])
    ([0, 2, 2, 5], True)
    """
    code_C, first_D = _characters(texts)
    table = _ascii_table() if code_C.dtype == np.uint8 else _unicode_table()
    folded_C = table[code_C]
    start_W = np.flatnonzero(_starts(folded_C, first_D[:-1]))
    start_D = np.searchsorted(start_W, first_D)
    if not len(start_W):
        return Words(np.zeros(0, np.uint64), start_D)
    power_C, inverse_C = _powers(1 << max(20, int(len(folded_C) - 1).bit_length()))
    # what separates words folds to 0, so it adds nothing to the word before it
    sums_W = np.add.reduceat((folded_C & ~_ALONE) * power_C[: len(folded_C)], start_W)
    return Words(sums_W * inverse_C[start_W], start_D)


def _characters(texts: pa.Array) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint32], I64]:
    """Return the code points of all texts, and where each text's start; as bytes if all are ASCII."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    raw = (
        np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
        if data and len(offsets)
        else np.zeros(0, np.uint8)
    )
    if not len(raw) or raw.max() < 128:
        return raw, offsets - (offsets[0] if len(offsets) else 0)
    codes = np.frombuffer(raw.tobytes().decode("utf-8").encode("utf-32-le"), np.uint32)
    return codes, np.concatenate([[0], np.cumsum(pc.utf8_length(texts).to_numpy())])


def _starts(folded_C: npt.NDArray[np.uint32], first_D: I64) -> npt.NDArray[np.bool_]:
    is_word_C = folded_C != 0
    after_C = np.zeros(len(folded_C), dtype=bool)  # directly after another character of a word
    after_C[1:] = is_word_C[:-1]
    after_C[first_D[first_D < len(folded_C)]] = False
    alone_C = folded_C >= _ALONE
    if alone_C.any():
        after_C &= ~alone_C
        after_C[1:] &= ~alone_C[:-1]
    starts_C: npt.NDArray[np.bool_] = is_word_C & ~after_C
    return starts_C


@lru_cache(maxsize=2)
def _powers(n: int) -> tuple[U64, U64]:
    """Return the powers of the base and of its inverse, modulo 2^64."""
    with np.errstate(over="ignore"):
        found = []
        for base in (_BASE, _INVERSE):
            steps = np.full(n, base, np.uint64)
            steps[0] = 1
            found.append(np.cumprod(steps))
    return found[0], found[1]


@lru_cache(maxsize=1)
def _ascii_table() -> npt.NDArray[np.uint32]:
    return np.array([_folded(code) for code in range(128)] + [0] * 128, dtype=np.uint32)


@lru_cache(maxsize=1)
def _unicode_table() -> npt.NDArray[np.uint32]:
    table = np.zeros(0x110000, dtype=np.uint32)
    table[:_ASSIGNED] = [_folded(code) for code in range(_ASSIGNED)]
    for first, last in _UNSPACED:
        table[first : last + 1] |= np.where(table[first : last + 1] > 0, _ALONE, np.uint32(0))
    return table


def _folded(code: int) -> int:
    """Return 0 for what separates words, else the lower-case code, with the highest bit where it is a word alone."""
    character = chr(code)
    category = unicodedata.category(character)
    if category[0] == "S":
        return code | int(_ALONE)
    if category[0] not in "LNM" and character != "_":
        return 0
    lower = character.lower()
    return ord(lower) if len(lower) == 1 else code
