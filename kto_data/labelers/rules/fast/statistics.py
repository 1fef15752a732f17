"""Numbers that follow from a text's bytes, for checks to name as evidence."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from kto_data.labelers.rules.fast.block import ODD, Block, Keys, Words, slot_keepers
from kto_data.labelers.rules.fast.evidence import Bools, Ints

_FACTORS = np.array([2 * n + 0xD6E8FEB86659FD93 for n in range(8)], dtype=np.uint64)
_UNSEEN = bytes(range(33))

Unit = Literal["bytes", "chars", "words", "lines", "beyond_ascii", "digits", "upper", "spaces"]


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something a text has.

    `chars` and `beyond_ascii` are exact for every text, `lines` too; `words` and `spaces` are those of
    Python where the text is plain; `digits` and `upper` are those of ASCII.
    """

    unit: Unit

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        data = block.bytes_B
        match self.unit:
            case "bytes":
                return block.n_bytes
            case "chars":
                return block.n_chars
            case "beyond_ascii":
                return block.n_beyond_ascii
            case "lines":
                ends = block.bytes_B[block.starts[1:] - 2]
                unended: Ints = ((ends != 10) & (block.n_bytes > 0)).astype(np.int64)
                return block.count_at(block.newlines) + unended
            case "words":
                return np.diff(block.words.first)
            case "spaces":
                return block.count(data <= 32) - 1  # without the one between texts
            case "digits":
                return block.count((data - np.uint8(48)) < 10)
            case "upper":
                return block.count((data - np.uint8(65)) < 26)


@dataclass(frozen=True, slots=True)
class EdgeByte:
    """The first or last byte that is no ASCII white space or control character; 0 for a text without any."""

    end: Literal["first", "last"]

    def of(self, block: Block) -> Ints:
        """Return the byte for each text."""
        places = block.starts[:-1] if self.end == "first" else block.starts[1:] - 2
        found = np.array(block.bytes_B[places], dtype=np.int64)
        for place in np.flatnonzero(found <= 32).tolist():
            text = block.text(place).translate(None, _UNSEEN)
            found[place] = 0 if not text else text[0] if self.end == "first" else text[-1]
        return found


@dataclass(frozen=True, slots=True)
class Ngrams:
    """n-grams of words, in lower case, where the text is plain.

    Attributes:
        n: Words in an n-gram.
        repeated: Whether to count those that were surely said before, else those that surely were not: a few
            may be neither.
    """

    n: int
    repeated: bool

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        key = f"ngrams {self.n}"
        if key not in block.kept:
            block.kept[key] = _ngrams(block.words, self.n, block.n)
        counts: tuple[Ints, Ints] = block.kept[key]
        return counts[1] if self.repeated else counts[0]


def _ngrams(words: Words, n: int, n_texts: int) -> tuple[Ints, Ints]:
    """Return for each text how many n-grams are surely new, and how many surely repeated."""
    new, repeated = np.maximum(np.diff(words.first) - n + 1, 0), np.zeros(n_texts, dtype=np.int64)
    if len(words.keys) < n:
        return new, repeated
    owners = words.owners
    hashes = _rolling(words.keys, n)
    hashes += np.repeat(np.arange(n_texts, dtype=np.uint64) * ODD[2], np.diff(words.first))[: len(hashes)]
    # Equal n-grams share a slot. Those that share it with another one's keeper are tried again among themselves.
    left = np.arange(len(hashes))
    within = owners[n - 1 :] == owners[: len(hashes)]
    for number, factor in enumerate(_FACTORS):
        keepers = slot_keepers((hashes[left] if number else hashes) * factor)
        others = np.flatnonzero(keepers != np.arange(len(left), dtype=np.int32))
        some, kept = left[others], left[keepers[others]]
        same = (hashes[some] == hashes[kept]) & (owners[some] == owners[kept])
        same &= within[some] & within[kept]
        for place in range(n if same.any() else 0):
            same[same] = words.equal(some[same] + place, kept[same] + place)
        repeated += np.bincount(owners[some[same]], minlength=n_texts)
        left = some[~same]
        if not len(left):
            break
    left = left[within[left]]
    return new - repeated - np.bincount(owners[left], minlength=n_texts), repeated


def _rolling(keys: Keys, n: int) -> Keys:
    """Return a hash of each n keys in a row; two of half the length are made into one."""
    if n == 1:
        single: Keys = keys * ODD[1]
        return single
    half = _rolling(keys, n // 2)
    shift = n // 2
    joined: Keys = half[:-shift] * ODD[1]
    joined += half[shift:]
    if n % 2:
        joined = joined[:-1] * ODD[1]
        joined += keys[n - 1 :]
    return joined


@dataclass(frozen=True, slots=True)
class FilledLines:
    """Lines that are not blank, where the text is plain; or at least how many different ones.

    Attributes:
        distinct: Whether to count equal lines, the white space around them apart, once.
    """

    distinct: bool = False

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        owners, keys = block.filled_lines
        if self.distinct:
            keepers = slot_keepers(keys * ODD[1] + owners.astype(np.uint64) * ODD[2], spread=32)
            owners = owners[keepers == np.arange(len(owners), dtype=np.int32)]
        return np.bincount(owners, minlength=block.n)


@dataclass(frozen=True, slots=True)
class ListedWords:
    """How many of a text's words, in lower case, are in a list, where the text is plain.

    Attributes:
        words: The list, in lower case.
    """

    words: frozenset[str]

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        short, longer, lengths = _prepared(self.words)
        words = block.words
        listed = short.has(words.keys) & (words.n_bytes_W <= 8)
        if longer:
            for place in np.flatnonzero(np.isin(words.n_bytes_W, lengths)).tolist():
                listed[place] = words.word(place) in longer
        return np.bincount(words.owners[listed], minlength=block.n)


@lru_cache(maxsize=256)
def _prepared(words: frozenset[str]) -> "tuple[_KeySet, frozenset[bytes], Ints]":
    """Return the words of up to 8 bytes, the longer ones, and these ones' lengths."""
    possible = [word.encode() for word in words if word and min(map(ord, word)) > 32]
    short = [int.from_bytes(word, "little") for word in possible if len(word) <= 8]
    longer = frozenset(word for word in possible if len(word) > 8)
    lengths = np.array(sorted({len(word) for word in longer}), dtype=np.int64)
    return _KeySet(np.unique(np.array(short, dtype=np.uint64))), longer, lengths


class _KeySet:
    """A set of keys, in a small table without collisions: many times faster than `np.isin`."""

    def __init__(self, wanted: Keys) -> None:
        self._wanted = wanted
        self._table: Keys | None = None
        for bits in range(max(len(wanted).bit_length() + 2, 6), 17):
            for factor in _FACTORS:
                slots = (wanted * factor) >> np.uint64(64 - bits)
                if self._table is None and len(wanted) and len(np.unique(slots)) == len(wanted):
                    self._factor, self._shift = factor, np.uint64(64 - bits)
                    self._table = np.full(1 << bits, wanted[0], dtype=np.uint64)
                    self._table[slots.astype(np.int64)] = wanted

    def has(self, keys: Keys) -> Bools:
        """Return which of the keys are in the set."""
        if self._table is None:
            return np.isin(keys, self._wanted)
        found: Bools = self._table[((keys * self._factor) >> self._shift).astype(np.int64)] == keys
        return found
