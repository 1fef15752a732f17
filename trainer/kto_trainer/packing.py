"""Packing: which sequences share a forward pass, and where each token lies in it. Plain numbers, no torch.

A pass is one row of tokens without padding: segment after segment, positions starting anew in each. The last token of
a completion is predicted, never read, so it takes no place.
"""

from collections.abc import Sequence
from typing import NamedTuple

from kto_trainer.encoding import Tokens


class Packed(NamedTuple):
    """One pass of T tokens in segments; `scored` are the places of the M tokens that predict a target.

    `counts` are the scored tokens of each sequence.
    """

    ids: list[int]
    positions: list[int]
    lengths: list[int]
    scored: list[int]
    targets: list[int]
    counts: list[int]


def n_read(sequence: Tokens) -> int:
    """Tokens of a sequence that a pass reads: all but the last."""
    return len(sequence.prompt) + len(sequence.completion) - 1


def pack(sequences: Sequence[Tokens]) -> Packed:
    """Lay sequences one after the other.

    Example:
        >>> pack([Tokens([5, 6], [7, 8]), Tokens([5], [9])])._asdict() == {
        ...     "ids": [5, 6, 7, 5], "positions": [0, 1, 2, 0], "lengths": [3, 1],
        ...     "scored": [1, 2, 3], "targets": [7, 8, 9], "counts": [2, 1]}
        True
    """
    out = Packed([], [], [], [], [], [])
    for prompt, completion in sequences:
        start, length = len(out.ids), len(prompt) + len(completion) - 1
        out.ids.extend(prompt)
        out.ids.extend(completion[:-1])
        out.positions.extend(range(length))
        out.lengths.append(length)
        out.scored.extend(range(start + len(prompt) - 1, start + length))
        out.targets.extend(completion)
        out.counts.append(len(completion))
    return out


def bins(sizes: Sequence[int], budget: int, max_items: int | None = None) -> list[list[int]]:
    """Item numbers in groups of at most `budget` in sum (an item that is larger stays alone), largest items first.

    First-fit decreasing: never more than 11/9 of the fewest possible groups, plus one.

    Args:
        sizes: Size of each item, >= 0.
        budget: Most that a group may hold, > 0.
        max_items: Most items a group may hold; None is any number.

    Example:
        >>> bins([5, 3, 4, 2, 9], 7)
        [[4], [0, 3], [2, 1]]
    """
    groups: list[list[int]] = []
    room: list[int] = []
    for item in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fits = (
            k
            for k in range(len(groups))
            if sizes[item] <= room[k] and (max_items is None or len(groups[k]) < max_items)
        )
        k = next(fits, None)
        if k is None:
            groups.append([item])
            room.append(budget - sizes[item])
        else:
            groups[k].append(item)
            room[k] -= sizes[item]
    return groups
