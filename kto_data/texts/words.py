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

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

_NONE = np.zeros(0, np.uint8)
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
    folded_C, alone_C, first_D = _characters(texts)
    start_W = np.flatnonzero(_starts(folded_C, alone_C, first_D[:-1]))
    start_D = np.searchsorted(start_W, first_D)
    power_C, inverse_C = _powers(1 << max(20, int(len(folded_C) - 1).bit_length()))
    # what separates words folds to 0, so it adds nothing to the word before it
    sums_C = folded_C.astype(np.uint64) * power_C[: len(folded_C)]
    np.cumsum(sums_C, out=sums_C)
    before_W = np.where(start_W > 0, sums_C[start_W - 1], np.uint64(0))
    after_W = np.append(before_W[1:], sums_C[-1:]) if len(start_W) else before_W
    return Words((after_W - before_W) * inverse_C[start_W], start_D)


def _characters(texts: pa.Array) -> tuple[Codes, npt.NDArray[np.bool_] | None, I64]:
    """Return the folded code points of all texts, which of them are words alone (or None), and where each text starts."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    raw = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data and len(offsets) else _NONE
    if not len(raw) or raw.max() < 128:  # the fastest way for the commonest case
        folded, alone = (np.frombuffer(raw.tobytes().translate(table), np.uint8) for table in _ascii_tables())
        return (
            folded,
            alone.astype(bool) if alone.any() else None,
            offsets - (offsets[0] if len(offsets) else 0),
        )
    codes = np.frombuffer(raw.tobytes().decode("utf-8").encode("utf-32-le"), np.uint32)
    looked_up = _unicode_table()[codes]
    is_alone = looked_up >= _ALONE
    first_D = np.concatenate([[0], np.cumsum(pc.utf8_length(texts).to_numpy())])
    return (looked_up & ~_ALONE).astype(np.uint32), is_alone if is_alone.any() else None, first_D


def _starts(folded_C: Codes, alone_C: npt.NDArray[np.bool_] | None, first_D: I64) -> npt.NDArray[np.bool_]:
    is_word_C = folded_C != 0
    after_C = np.zeros(len(folded_C), dtype=bool)  # directly after another character of a word
    after_C[1:] = is_word_C[:-1]
    after_C[first_D[first_D < len(folded_C)]] = False
    if alone_C is not None:
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
def _ascii_tables() -> tuple[bytes, bytes]:
    """Return what each byte folds to, and whether it is a word alone."""
    folded = [_folded(code) if code < 128 else 0 for code in range(256)]
    return bytes(code & 0xFF for code in folded), bytes(int(code >= _ALONE) for code in folded)


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
