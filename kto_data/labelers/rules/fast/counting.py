"""How the statistics of texts are counted: with NumPy on the bytes of a block."""

from functools import lru_cache

import numpy as np

from kto_data.labelers.rules.fast.block import ODD, Block, Keys, Words, count_between, slot_keepers
from kto_data.labelers.rules.fast.evidence import Bools, Ints
from kto_data.labelers.rules.fast.statistics import Unit

_FACTORS = np.array([2 * n + 0xD6E8FEB86659FD93 for n in range(8)], dtype=np.uint64)
_UNSEEN = bytes(range(33))


def units(block: Block, unit: Unit) -> Ints:
    """Return what `Count` is in each text."""
    data = block.bytes_B
    match unit:
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
            return block.count(block.upper)


def edge_bytes(block: Block, *, last: bool) -> Ints:
    """Return what `EdgeByte` is in each text."""
    places = block.starts[1:] - 2 if last else block.starts[:-1]
    found = np.array(block.bytes_B[places], dtype=np.int64)
    for place in np.flatnonzero(found <= 32).tolist():
        text = block.text(place).translate(None, _UNSEEN)
        found[place] = 0 if not text else text[-1] if last else text[0]
    return found


def repeats(block: Block, n: int, max_ratio: float) -> Ints:
    """Return what `Repeats` is in each text."""
    words = block.words
    n_ngrams = np.maximum(np.diff(words.first) - n + 1, 0)
    # Of equal n-grams only the last can have a word that does not come again, so those that have one all differ.
    differ = words.is_last
    for place in range(1, n):
        differ = differ[:-1] | words.is_last[place:]
    edges = np.stack([words.first[:-1], words.first[:-1] + n_ngrams], axis=1).ravel()
    n_different = count_between(differ, np.minimum(edges, len(differ)))[::2]
    found = _above(n_ngrams, n_different, max_ratio).astype(np.int64)
    texts = np.flatnonzero(found)
    if len(texts):
        least, most = _distinct(words, texts, n)
        holds = _above(n_ngrams[texts], most, max_ratio)
        found[texts] = np.where(holds == _above(n_ngrams[texts], least, max_ratio), holds, -1)
    return found


def _above(n_ngrams: Ints, n_distinct: Ints, max_ratio: float) -> Bools:
    above: Bools = (n_ngrams > 0) & (1 - n_distinct / np.maximum(n_ngrams, 1) > max_ratio)
    return above


def _distinct(words: Words, texts: Ints, n: int) -> tuple[Ints, Ints]:
    """Return for some texts how many different n-grams they have at least and at most."""
    n_words = np.diff(words.first)[texts]
    owners = np.repeat(np.arange(len(texts)), n_words)
    places = np.arange(len(owners)) + np.repeat(words.first[texts] - np.cumsum(n_words) + n_words, n_words)
    hashes = _rolling(words.keys[places], n)
    hashes += owners[: len(hashes)].view(np.uint64) * ODD[2]
    # Equal n-grams share a slot. Those that share it with another one's keeper are tried again among themselves.
    left = np.flatnonzero(owners[n - 1 :] == owners[: len(hashes)])
    n_repeated = np.zeros(len(texts), dtype=np.int64)
    for factor in _FACTORS[:2]:
        keepers, are_kept = slot_keepers(hashes[left], factor, spread=32)
        others = np.flatnonzero(~are_kept)
        some, kept = left[others], left[keepers[others]]
        same = (hashes[some] == hashes[kept]) & (owners[some] == owners[kept])
        one, other = (places[ngrams[same, None] + np.arange(n)].ravel() for ngrams in (some, kept))
        same[same] = words.equal(one, other).reshape(-1, n).all(axis=1)
        n_repeated += np.bincount(owners[some[same]], minlength=len(texts))
        left = some[~same]
    most = np.maximum(n_words - n + 1, 0) - n_repeated
    return most - np.bincount(owners[left], minlength=len(texts)), most


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


def filled_lines(block: Block, *, distinct: bool) -> Ints:
    """Return what `FilledLines` is in each text."""
    owners, keys = block.filled_lines
    if distinct:
        hashes = keys * ODD[1] + owners.view(np.uint64) * ODD[2]
        owners = owners[slot_keepers(hashes, ODD[0], spread=32)[1]]
    return np.bincount(owners, minlength=block.n)


def listed_words(block: Block, wanted: frozenset[str]) -> Ints:
    """Return what `ListedWords` is in each text."""
    short, longer, lengths = _prepared(wanted)
    words = block.words
    listed = short.has(words.keys) & (words.n_bytes_W <= 8)
    if longer:
        for place in np.flatnonzero(np.isin(words.n_bytes_W, lengths)).tolist():
            listed[place] = words.word(place) in longer
    return count_between(listed, words.first)


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
        found: Bools = self._table[((keys * self._factor) >> self._shift).view(np.int64)] == keys
        return found
