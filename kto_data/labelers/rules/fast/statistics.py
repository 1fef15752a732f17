"""Numbers that follow from a text's bytes, for checks to name as evidence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kto_data.labelers.rules.fast.block import ODD, Block, Words, slot_keepers
from kto_data.labelers.rules.fast.evidence import Ints

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
    new, repeated = np.zeros(n_texts, dtype=np.int64), np.zeros(n_texts, dtype=np.int64)
    n_ngrams = len(words.keys) - n + 1
    if n_ngrams <= 0:
        return new, repeated
    owners = words.owners
    hashes = owners[:n_ngrams].astype(np.uint64)
    for place in range(n):
        hashes *= ODD[1]
        hashes += words.keys[place : place + n_ngrams]
    left = np.flatnonzero(owners[n - 1 :] == owners[:n_ngrams])
    # Equal n-grams share a slot. Those that share it with another one's keeper are tried again among themselves.
    for factor in _FACTORS:
        keepers = slot_keepers(hashes[left] * factor)
        own = keepers == np.arange(len(left), dtype=np.int32)
        new += np.bincount(owners[left[own]], minlength=n_texts)
        others = np.flatnonzero(~own)
        some, kept = left[others], left[keepers[others]]
        same = (hashes[some] == hashes[kept]) & (owners[some] == owners[kept])
        for place in range(n if same.any() else 0):
            same[same] = words.equal(some[same] + place, kept[same] + place)
        repeated += np.bincount(owners[some[same]], minlength=n_texts)
        left = some[~same]
        if not len(left):
            break
    return new, repeated


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
            salt = line_text.astype(np.uint64) * ODD[2]
            keys = block.line_keys[filled] * ODD[1] + salt[filled]
            line_text = line_text[filled][slot_keepers(keys) == np.arange(len(keys), dtype=np.int32)]
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
        for factor in (ODD[0], ODD[1], ODD[2], ODD[0] * ODD[1] | np.uint64(1)):
            slots = (wanted * factor) >> np.uint64(64 - bits)
            if len(np.unique(slots)) == len(wanted):
                table = np.full(1 << bits, wanted[0], dtype=np.uint64)
                table[slots.astype(np.int64)] = wanted
                found: np.typing.NDArray[np.bool_] = (
                    table[((keys * factor) >> np.uint64(64 - bits)).astype(np.int64)] == keys
                )
                return found
    return np.isin(keys, wanted)
