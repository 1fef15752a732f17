"""Numbers that follow from a text's bytes, for checks to name as evidence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kto_data.labelers.rules.fast.block import _ODD, Block, n_distinct_at_least
from kto_data.labelers.rules.fast.evidence import Ints

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
        visible = np.flatnonzero(block.bytes_B > 32)
        edges = np.searchsorted(visible, block.starts)
        chosen = edges[:-1] if self.end == "first" else edges[1:] - 1
        found = np.zeros(block.n, dtype=np.int64)
        some = np.flatnonzero(np.diff(edges))
        found[some] = block.bytes_B[visible[chosen[some]]]
        return found


@dataclass(frozen=True, slots=True)
class DistinctNgrams:
    """At least so many different n-grams of words, in lower case, are in a text where it is plain.

    Attributes:
        n: Words in an n-gram.
    """

    n: int

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        words = block.words
        n_ngrams = len(words.keys) - self.n + 1
        if n_ngrams <= 0:
            return np.zeros(block.n, dtype=np.int64)
        hashes = np.zeros(n_ngrams, dtype=np.uint64)
        for place in range(self.n):
            mixed = hashes * _ODD[1]
            hashes = (mixed ^ (mixed >> np.uint64(32))) + words.keys[place : place + n_ngrams] * _ODD[0]
        owners = words.owners
        within = owners[self.n - 1 :] == owners[:n_ngrams]
        salt = owners[:n_ngrams].astype(np.uint64) * _ODD[2]
        first = n_distinct_at_least(hashes + salt) & within
        return np.bincount(owners[:n_ngrams][first], minlength=block.n)


@dataclass(frozen=True, slots=True)
class FilledLines:
    """Lines that are not blank, where the text is plain; or at least how many different ones.

    Attributes:
        distinct: Whether to count equal lines once.
    """

    distinct: bool = False

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        starts, n_bytes, first = block.lines
        line_text = np.repeat(np.arange(block.n), np.diff(first))
        visible = np.packbits(block.bytes_B > 32, bitorder="little")
        before = np.concatenate([[0], np.cumsum(np.bitwise_count(visible))])
        filled = _ones_before(visible, before, starts + n_bytes) > _ones_before(visible, before, starts)
        if self.distinct:
            salt = line_text.astype(np.uint64) * _ODD[2]
            keys = block.line_keys[filled] * _ODD[1] + salt[filled]
            line_text = line_text[filled][n_distinct_at_least(keys)]
        else:
            line_text = line_text[filled]
        return np.bincount(line_text, minlength=block.n)


def _ones_before(packed: np.typing.NDArray[np.uint8], before: Ints, places: Ints) -> Ints:
    """Return how many bits are set before each place."""
    byte, bit = places >> 3, places & 7
    found: Ints = before[byte] + np.bitwise_count(packed[byte] & ((1 << bit) - 1).astype(np.uint8))
    return found


@dataclass(frozen=True, slots=True)
class ListedWords:
    """How many of a text's words, in lower case, are in a list, where the text is plain.

    Attributes:
        words: The list, in lower case.
    """

    words: frozenset[str]

    def of(self, block: Block) -> Ints:
        """Return the number for each text."""
        wanted = [word.encode() for word in self.words]
        short = np.array(
            [int.from_bytes(word, "little") for word in wanted if len(word) <= 8], dtype=np.uint64
        )
        words = block.words
        is_short = words.n_bytes_W <= 8
        listed = is_short & _in(words.keys, short)
        longer = {word for word in wanted if len(word) > 8}
        if longer:
            lengths = np.array(sorted({len(word) for word in longer}))
            for place in np.flatnonzero(np.isin(words.n_bytes_W, lengths)):
                listed[place] = words.word(int(place)) in longer
        return np.bincount(words.owners[listed], minlength=block.n)


def _in(
    keys: np.typing.NDArray[np.uint64], wanted: np.typing.NDArray[np.uint64]
) -> np.typing.NDArray[np.bool_]:
    """Return which keys are wanted; a small table without collisions is many times faster than np.isin."""
    if not len(wanted):
        return np.zeros(len(keys), dtype=bool)
    for bits in range(max(len(wanted).bit_length() + 2, 6), 17):
        for factor in (_ODD[0], _ODD[1], _ODD[2], _ODD[0] * _ODD[1] | np.uint64(1)):
            slots = (wanted * factor) >> np.uint64(64 - bits)
            if len(np.unique(slots)) == len(wanted):
                table = np.full(1 << bits, wanted[0], dtype=np.uint64)
                table[slots.astype(np.int64)] = wanted
                found: np.typing.NDArray[np.bool_] = (
                    table[((keys * factor) >> np.uint64(64 - bits)).astype(np.int64)] == keys
                )
                return found
    return np.isin(keys, wanted)
