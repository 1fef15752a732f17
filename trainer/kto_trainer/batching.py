"""Effective batches: reshuffled every epoch, both classes in each, equal prompts apart.

z0 is one number for a batch and both classes push against it, so a batch of one class, or one full of answers to a
single prompt, gives KTO a skewed step. N rows, K batches.
"""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

import numpy as np


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Sizes of an epoch's batches: as near to `batch_size` as equal shares allow, never a rest of one row.

    Args:
        n_rows: Rows of the epoch, at least 1.
        batch_size: The size asked for, at least 2.

    Example:
        >>> batch_sizes(65, 32), batch_sizes(3, 2), batch_sizes(50, 32)
        ([33, 32], [3], [25, 25])
    """
    n_batches = max(1, min((2 * n_rows + batch_size) // (2 * batch_size), n_rows // 2))
    share, extra = divmod(n_rows, n_batches)
    return [share + (k < extra) for k in range(n_batches)]


def epoch_batches(
    labels: Sequence[bool] | np.ndarray,
    prompt_keys: Sequence[int] | np.ndarray,
    batch_size: int,
    generator: np.random.Generator,
) -> list[np.ndarray]:
    """One epoch's batches as arrays of row numbers: each row once, at random.

    Each batch's count of the rarer class differs by at most one from any other's. Within these counts the rows of a
    prompt that has several go to batches that have none of them yet, the emptiest first; all others anywhere.

    Args:
        labels: True for desirable, one a row.
        prompt_keys: One number a row; equal numbers are equal prompts.
        batch_size: The size asked for, at least 2; see `batch_sizes`.
        generator: Source of randomness; call again with the same generator for the next epoch.
    """
    labels_N = np.asarray(labels, bool)
    sizes_K = np.array(batch_sizes(len(labels_N), batch_size))
    n_batches = len(sizes_K)
    rarer = bool(labels_N.sum() * 2 < len(labels_N))
    share, extra = divmod(int((labels_N == rarer).sum()), n_batches)
    rarer_K = np.full(n_batches, share)
    # The longer batches come first, so they take the spare rows of the rarer class: none gets more than it can hold.
    rarer_K[:extra] += 1
    room_K = {rarer: rarer_K, not rarer: sizes_K - rarer_K}

    batch_N = np.full(len(labels_N), -1, np.int32)
    _spread(_groups(np.asarray(prompt_keys), generator), labels_N, room_K, batch_N, generator)
    for label, left_K in room_K.items():
        rest = (batch_N < 0) & (labels_N == label)
        batch_N[rest] = generator.permutation(np.repeat(np.arange(n_batches, dtype=np.int32), left_K))
    rows_N = np.argsort(batch_N, kind="stable").astype(np.int32)
    batches = np.split(rows_N, np.cumsum(sizes_K)[:-1])
    return [batches[k] for k in generator.permutation(n_batches)]


def _groups(prompt_keys_N: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """The rows of each prompt that has several, the most first (they are hardest to spread), otherwise shuffled."""
    _, numbers_N, counts_K = np.unique(prompt_keys_N, return_inverse=True, return_counts=True)
    shuffled = generator.permutation(len(numbers_N))
    rows = shuffled[counts_K[numbers_N[shuffled]] > 1]
    tie_K = generator.permutation(len(counts_K))
    numbers = numbers_N[rows]
    rows = rows[np.lexsort((tie_K[numbers], -counts_K[numbers]))]
    if not len(rows):
        return []
    numbers = numbers_N[rows]
    return np.split(rows, np.flatnonzero(numbers[1:] != numbers[:-1]) + 1)


def _spread(
    groups: Sequence[np.ndarray],
    labels_N: np.ndarray,
    room_K: Mapping[bool, np.ndarray],
    batch_N: np.ndarray,
    generator: np.random.Generator,
) -> None:
    """Give each group's rows batches of their own as far as there are any; fills `batch_N`, lowers `room_K`."""
    rooms = {label: _Rooms(left_K, generator) for label, left_K in room_K.items()}
    for group in groups:
        met: set[int] = set()
        for row in group.tolist():
            room = rooms[bool(labels_N[row])]
            k = room.take(met)
            if k is None:  # every batch with room has this prompt: another round
                met.clear()
                for each in rooms.values():
                    each.give_back()
                k = room.take(met)
                assert k is not None
            met.add(k)
            batch_N[row] = k
        for each in rooms.values():
            each.give_back()


class _Rooms:
    """The batches that have room for one class, the emptiest first, ties at random."""

    def __init__(self, left_K: np.ndarray, generator: np.random.Generator) -> None:
        self._left_K = left_K
        self._generator = generator
        ties_K = generator.random(len(left_K))
        self._heap = [
            (-int(n), float(tie), k) for k, (n, tie) in enumerate(zip(left_K, ties_K, strict=True)) if n
        ]
        heapify(self._heap)
        self._aside: list[tuple[int, float, int]] = []

    def take(self, met: set[int]) -> int | None:
        """A place in the emptiest batch that is not in `met`; None if there is none. It comes up again after `give_back`."""
        while self._heap:
            item = heappop(self._heap)
            if item[2] in met:
                self._aside.append(item)
                continue
            self._left_K[item[2]] -= 1
            if item[0] < -1:
                self._aside.append((item[0] + 1, self._generator.random(), item[2]))
            return item[2]
        return None

    def give_back(self) -> None:
        """Let batches come up again that were taken from or passed over."""
        for item in self._aside:
            heappush(self._heap, item)
        self._aside.clear()
