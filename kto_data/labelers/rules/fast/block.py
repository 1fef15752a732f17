"""A few hundred texts in one piece of memory small enough for the processor's cache, and counts of their bytes."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kto_data.labelers.rules.fast.evidence import Bools, Ints

Bytes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]

MAX_TEXTS = 256
MAX_BYTES = 512 * 1024
"""The most texts and bytes of a block; longer texts are not measured."""

_PAD = b" " * 8
_SPACES_2 = np.array([0xC285, 0xC2A0])
_SPACES_3 = np.array([0xE19A80, *range(0xE28080, 0xE2808B), 0xE280A8, 0xE280A9, 0xE280AF, 0xE2819F, 0xE38080])
_IS_LEAD = np.isin(np.arange(256), [0xC2, 0xE1, 0xE2, 0xE3])
_KEEP = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)
ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


class Words:
    """The pieces between white space of a block's texts, in lower case.

    Attributes:
        first: Index of each text's first word, and at the end the number of words.
        n_bytes_W: Length in bytes.
        keys: Equal for equal words; of words of up to 8 bytes, their bytes as they are.
    """

    def __init__(self, data: Bytes, starts: Ints, edges: tuple[Ints, Ints]) -> None:
        self.starts_W, self._ends_W = edges
        self.first = np.searchsorted(self.starts_W, starts)
        self.n_bytes_W = self._ends_W - self.starts_W
        self._data = data

    @cached_property
    def keys(self) -> Keys:
        """A key of each word."""
        return piece_keys(self._data, self.starts_W, self._ends_W)

    @cached_property
    def is_last(self) -> Bools:
        """Whether each word surely does not come again in its text."""
        texts = np.arange(len(self.first) - 1, dtype=np.uint64) * ODD[2]
        return slot_keepers(self.keys + np.repeat(texts, np.diff(self.first)), ODD[0])[1]

    def equal(self, some: Ints, others: Ints) -> Bools:
        """Return whether words are equal to others, byte by byte."""
        equal: Bools = (self.keys[some] == self.keys[others]) & (
            self.n_bytes_W[some] == self.n_bytes_W[others]
        )
        window = _window(self._data)
        longer, done = np.flatnonzero(equal & (self.n_bytes_W[some] > 8)), 0
        while len(longer):
            left = self.n_bytes_W[some[longer]] - done
            part = window[self.starts_W[some[longer]] + done] ^ window[self.starts_W[others[longer]] + done]
            same = (part & _KEEP[np.minimum(left, 8)]) == 0
            equal[longer[~same]] = False
            longer, done = longer[same & (left > 8)], done + 8
        return equal

    def word(self, index: int) -> bytes:
        """Return a word's bytes."""
        start = int(self.starts_W[index])
        return self._data[start : start + int(self.n_bytes_W[index])].tobytes()


class Block:
    """Some texts.

    Args:
        texts: As UTF-8; not more than `MAX_TEXTS`.
    """

    def __init__(self, texts: Sequence[memoryview]) -> None:
        self.n = len(texts)
        self._texts = texts
        # Each text stands between spaces, so that no word and no line reaches into the next one.
        self.bytes_B: Bytes = np.frombuffer(b" ".join([b"", *texts, _PAD]), dtype=np.uint8)
        self.n_bytes = np.fromiter(map(len, texts), dtype=np.int64, count=self.n)
        self.starts = np.ones(self.n + 1, dtype=np.int64)
        np.cumsum(self.n_bytes + 1, out=self.starts[1:])
        self.starts[1:] += 1

    def text(self, index: int) -> bytes:
        """Return a text's bytes."""
        return bytes(self._texts[index])

    def count(self, mask_B: Bools) -> Ints:
        """Return how many bytes of each text are marked; spaces between texts must not be."""
        return count_between(mask_B, self.starts)

    def count_at(self, places: Ints) -> Ints:
        """Return how many of these places, ascending, lie in each text."""
        return np.diff(np.searchsorted(places, self.starts))

    @cached_property
    def beyond_ascii(self) -> Ints:
        """The places of the bytes that are not ASCII."""
        return np.flatnonzero(self.bytes_B > 127)

    @cached_property
    def upper(self) -> Bools:
        """Which bytes are upper-case letters of ASCII."""
        return (self.bytes_B - np.uint8(65)) < 26

    @cached_property
    def newlines(self) -> Ints:
        """The places of the line ends."""
        return np.flatnonzero(self.bytes_B == 10)

    @cached_property
    def ascii_only(self) -> Bools:
        """Whether each text is ASCII."""
        return np.equal(self.count_at(self.beyond_ascii), 0)

    @cached_property
    def plain(self) -> Bools:
        """Whether the white space of each text is that of ASCII, and its control characters are white space."""
        plain = np.ones(self.n, dtype=bool)
        odd = (self.bytes_B < 9) | ((self.bytes_B - np.uint8(14)) < 14)
        if odd.any():
            plain = self.count(odd) == 0
        places = self.beyond_ascii
        places = places[_IS_LEAD[self.bytes_B[places]]]
        if len(places):
            one, two, three = (self.bytes_B[places + shift].astype(np.int64) for shift in range(3))
            spaces = np.isin(one << 8 | two, _SPACES_2) | np.isin(one << 16 | two << 8 | three, _SPACES_3)
            plain &= self.count_at(places[spaces]) == 0
        return plain

    @cached_property
    def n_beyond_ascii(self) -> Ints:
        """Characters of each text that are not ASCII."""
        places = self.beyond_ascii
        return self.count_at(places[self.bytes_B[places] >= 0xC0])

    @cached_property
    def n_chars(self) -> Ints:
        """Characters of each text."""
        places = self.beyond_ascii
        return self.n_bytes - self.count_at(places[self.bytes_B[places] < 0xC0])

    @cached_property
    def words(self) -> Words:
        """The words of each text; they are what Python's `lower().split()` gives where it is `plain`."""
        lowered = self.bytes_B | (self.upper.view(np.uint8) << np.uint8(5))
        for place in np.flatnonzero(~self.ascii_only).tolist():
            start, n_bytes = int(self.starts[place]), int(self.n_bytes[place])
            text = str(self._texts[place], "utf-8").lower().encode()
            if len(text) != n_bytes:
                return self._words_of_other_lengths()
            lowered[start : start + n_bytes] = np.frombuffer(text, dtype=np.uint8)
        return Words(lowered, self.starts, self.word_edges)

    def _words_of_other_lengths(self) -> Words:
        """Return the words where a text has more or fewer bytes in lower case."""
        lowered = [str(text, "utf-8").lower().encode() for text in self._texts]
        starts = np.ones(self.n + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, lowered), dtype=np.int64, count=self.n) + 1, out=starts[1:])
        starts[1:] += 1
        data = np.frombuffer(b" ".join([b"", *lowered, _PAD]), dtype=np.uint8)
        return Words(data, starts, _word_edges(data))

    @cached_property
    def word_edges(self) -> tuple[Ints, Ints]:
        """Where the words of all texts begin and end."""
        return _word_edges(self.bytes_B)

    @cached_property
    def filled_lines(self) -> tuple[Ints, Keys]:
        """Index of the text of each line with a word, and a key of the line without the white space around it."""
        first_W, last_W = self.word_edges
        ends = np.sort(np.concatenate([self.newlines, self.starts - 1]))
        words = np.searchsorted(first_W, ends)
        filled = np.flatnonzero(words[1:] > words[:-1])
        starts, stops = first_W[words[filled]], last_W[words[filled + 1] - 1]
        owners = np.searchsorted(self.starts, starts, side="right") - 1
        return owners, piece_keys(self.bytes_B, starts, stops)


def _word_edges(bytes_B: Bytes) -> tuple[Ints, Ints]:
    space_B = bytes_B <= 32
    turn_B = np.zeros(len(space_B), dtype=bool)
    np.not_equal(space_B[1:], space_B[:-1], out=turn_B[1:])
    turns = np.flatnonzero(turn_B)
    return turns[0::2].copy(), turns[1::2].copy()  # many times faster to search than every other place


def count_between(mask: Bools, places: Ints) -> Ints:
    """Return how many are marked from each place to the next."""
    packed = np.packbits(mask, bitorder="little")
    padded = np.zeros(len(packed) // 8 * 8 + 16, dtype=np.uint8)
    padded[: len(packed)] = packed
    words = padded.view(np.uint64)
    ones = np.bitwise_count(words)
    before = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum(ones, out=before[1:])
    word, bit = places >> 6, (places & 63).astype(np.uint64)
    below = words[word] & ((np.uint64(1) << bit) - np.uint64(1))
    ranks: Ints = before[word] + np.bitwise_count(below)
    return np.diff(ranks)


def _window(data: Bytes) -> Keys:
    """Return at each place the 8 bytes from there on."""
    return np.ndarray(shape=(len(data) - 7,), dtype=np.dtype("<u8"), buffer=data, strides=(1,))


def piece_keys(data: Bytes, starts: Ints, ends: Ints) -> Keys:
    """Return a key for each piece of `data`, equal for equal pieces; after the data are 8 bytes more.

    Pieces of up to 8 bytes are their own key. Of longer ones the first and last 16 bytes and the length count.
    """
    window, n_bytes = _window(data), ends - starts
    keys: Keys = window[starts] & _KEEP[np.minimum(n_bytes, 8)]
    longer = np.flatnonzero(n_bytes > 8)
    keys[longer] = mixed(keys[longer], window[ends[longer] - 8] + n_bytes[longer].view(np.uint64) * ODD[1])
    longer = longer[n_bytes[longer] > 16]
    keys[longer] = mixed(mixed(keys[longer], window[starts[longer] + 8]), window[ends[longer] - 16])
    return keys


def mixed(keys: Keys, others: Keys) -> Keys:
    """Return a hash of the keys and others."""
    spread = keys * ODD[0]
    hashes: Keys = (spread ^ (spread >> np.uint64(29))) + others * ODD[2]
    return hashes


def slot_keepers(hashes: Keys, factor: np.uint64, spread: int = 4) -> tuple[npt.NDArray[Any], Bools]:
    """Return for each hash the place of the last one in its slot of a small table, and whether it is that one.

    Equal hashes share a slot. The larger the table for each hash (`spread`), the fewer share one without being equal;
    and which these are depends on the `factor`, an odd number.
    """
    kind = np.uint16 if len(hashes) <= 1 << 16 else np.uint32  # the smaller the table, the faster
    places = np.arange(len(hashes), dtype=kind)
    bits = max(int(len(hashes) * spread).bit_length(), 8)
    slots = hashes * factor
    slots >>= np.uint64(64 - bits)
    table = np.empty(1 << bits, dtype=kind)
    table[slots.view(np.int64)] = places
    keepers = table[slots.view(np.int64)]
    return keepers, keepers == places
