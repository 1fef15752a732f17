"""What a run asks log-probabilities for: sequences that are read one at a time, and hashes that tell equal ones.

Shapes: S sequences; a hash is 16 bytes in two unsigned 64-bit numbers.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from kto_trainer.encoding import Tokens


class Hashes(NamedTuple):
    """Of S sequences: hashes of their prompts and of their completions, and their lengths in tokens."""

    prompts_S2: np.ndarray
    completions_S2: np.ndarray
    lengths_S: np.ndarray

    def keys(self) -> np.ndarray:
        """One hash a sequence, which tells the border between prompt and completion too; [S, 2]."""
        return self.prompts_S2 + np.uint64(3) * self.completions_S2


class Sequences(Protocol):
    """Sequences by number, from 0."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Tokens: ...

    def hashes(self) -> Hashes:
        """The hashes of all of them."""
        ...


class Listed:
    """Sequences that are in memory."""

    def __init__(self, sequences: Sequence[Tokens]) -> None:
        self._sequences = sequences

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, number: int, /) -> Tokens:
        return self._sequences[number]

    def __iter__(self) -> Iterator[Tokens]:
        return iter(self._sequences)

    def hashes(self) -> Hashes:
        """See `Sequences`."""
        prompts, completions = (
            np.array([ids_hash(item[side]) for item in self._sequences], np.uint64).reshape(-1, 2)
            for side in (0, 1)
        )
        lengths = [len(item.prompt) + len(item.completion) for item in self._sequences]
        return Hashes(prompts, completions, np.array(lengths, np.int64))


def ids_hash(ids: Sequence[int]) -> tuple[int, int]:
    """The hash of token ids."""
    digest = hashlib.blake2b(np.asarray(ids, np.int32).tobytes(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


class Numbered(NamedTuple):
    """Which items are equal: each item's number among the distinct ones, and where each of those occurs first."""

    numbers_N: np.ndarray
    firsts_K: np.ndarray


def numbered(hashes_N2: np.ndarray) -> Numbered:
    """Number distinct hashes in the order of their value.

    Example:
        >>> numbered(np.array([[9, 1], [4, 4], [9, 1]], np.uint64))
        Numbered(numbers_N=array([1, 0, 1], dtype=int32), firsts_K=array([1, 0]))
    """
    order_N = np.lexsort((hashes_N2[:, 1], hashes_N2[:, 0]))
    sorted_N2 = hashes_N2[order_N]
    new_N = np.ones(len(order_N), bool)
    new_N[1:] = (sorted_N2[1:] != sorted_N2[:-1]).any(1)
    numbers_N = np.empty(len(order_N), np.int32)
    numbers_N[order_N] = np.cumsum(new_N) - 1
    return Numbered(numbers_N, order_N[new_N])
