"""The order `mixed`: any B consecutive rows hold both labels in proportion, and no prompt or completion twice.

KTO estimates its reference point from mismatched pairs within a batch (Ethayarajh et al. 2024,
https://arxiv.org/abs/2402.01306, section 4.1), and TRL trains in file order. Since TRL drops over-long rows before
it cuts batches, no border of a batch can be relied on: what has to hold must hold for every window of B rows.

Labels follow a balanced (Christoffel) word: place i is desirable where floor((i+1) n_D / n) exceeds floor(i n_D / n),
shifted by the seed. In such a word two windows of one length never differ by more than one desirable row, so each
holds floor(B n_D / n) or one more. Rows then go to the places of their label: each group of rows with one prompt, or
one completion, is spread evenly over the whole, and of the rows that are due the first goes whose prompt and completion
have not occurred in the B - 1 rows before.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_LOOK_AHEAD = 64
"""Rows that wait for their prompt or completion to be free again; with more, the first goes where it can."""

_TRIES = 200
"""Places that are tried for a row that came too near an equal one ..."""
_TRIES_IN_ALL = 200_000
"""... and in all: about two seconds."""
_ROWS_TRIED_AGAIN = 20_000
"""Small data leaves little room, and costs little: it is ordered several times, and the best order kept."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a row must not share with the rows near it. Both arrays: [n rows], numbers from 0 without gaps.

    Attributes:
        prompts: Equal for rows of one prompt.
        completions: Equal for rows with equal completions.
    """

    prompts: Ints
    completions: Ints


def mixed_order(desirable: Bools, keys: Keys, *, batch_rows: int, seed: int) -> Ints:
    """Return the rows in their order: an array of row numbers.

    It follows from the arguments alone. About 100 bytes a row are held, and about 3 microseconds a row are needed.

    Args:
        desirable: The label of each row; [n].
        keys: Prompt and completion of each row.
        batch_rows: B.
        seed: Another seed gives another order.

    >>> label = np.array([True, True, True, True, False, False])
    >>> keys = Keys(prompts=np.array([0, 1, 2, 3, 0, 1]), completions=np.arange(6))
    >>> order = mixed_order(label, keys, batch_rows=3, seed=1)
    >>> [int(label[order[i : i + 3]].sum()) for i in range(4)]
    [2, 2, 2, 2]
    """
    n = len(desirable)
    random = np.random.default_rng(seed)
    best: Ints = np.arange(n)
    fewest = n + 1
    for _ in range(max(1, min(50, _ROWS_TRIED_AGAIN // max(n, 1)))):
        order = _mixed_once(desirable, keys, batch_rows, random)
        near = int(_too_near(order, keys, batch_rows).sum())
        if near < fewest:
            best, fewest = order, near
        if fewest == 0:
            break
    return best


def _mixed_once(desirable: Bools, keys: Keys, batch_rows: int, random: np.random.Generator) -> Ints:
    n = len(desirable)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    slots = balanced_word(n, int(desirable.sum()), shift=int(random.integers(n)))
    due = _due_times(keys, random)
    excess = _excess(keys, batch_rows, random)
    queues = [np.flatnonzero(desirable == side)[np.argsort(due[desirable == side])] for side in (False, True)]
    order = _place(slots, queues, keys, excess, batch_rows)
    _repair(order, slots, keys, excess, batch_rows, random)
    return order


def balanced_word(n: int, n_desirable: int, *, shift: int = 0) -> Bools:
    """Return which of n places hold a desirable row: spread so evenly that equal windows differ by at most one.

    >>> "".join("+-"[not place] for place in balanced_word(10, 3))
    '---+--+--+'
    """
    steps = (np.arange(n + 1, dtype=np.int64) * n_desirable + shift) // max(n, 1)
    return np.asarray(np.diff(steps) > 0)


def _excess(keys: Keys, batch_rows: int, random: np.random.Generator) -> Bools:
    """Return which rows go anywhere: those past the n / B of a group, which no order can keep B rows apart."""
    n = len(keys.prompts)
    shuffled = random.permutation(n)
    beyond = np.zeros(n, dtype=np.bool_)
    for groups in (keys.prompts, keys.completions):
        beyond |= _rank(groups, shuffled) >= -(-n // batch_rows)
    return beyond


def _rank(groups: Ints, shuffled: Ints) -> Ints:
    """Return the place of each row among the rows of its group, in a shuffled order."""
    by_group = shuffled[np.argsort(groups[shuffled], kind="stable")]
    first = np.concatenate([[0], np.cumsum(np.bincount(groups))])[groups[by_group]]
    rank = np.empty(len(groups), dtype=np.int64)
    rank[by_group] = np.arange(len(groups)) - first
    return rank


def _due_times(keys: Keys, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """When each row is due, in [0, 1): the rows of its larger group are spread evenly from a random start."""
    shuffled = random.permutation(len(keys.prompts))  # within a group, and among groups
    prompt_sizes, completion_sizes = np.bincount(keys.prompts), np.bincount(keys.completions)
    by_prompt = prompt_sizes[keys.prompts] >= completion_sizes[keys.completions]
    group = np.where(by_prompt, keys.prompts, len(prompt_sizes) + keys.completions)
    sizes = np.bincount(group)
    start = random.random(len(sizes))
    return np.asarray((_rank(group, shuffled) + start[group]) / sizes[group])


def _place(slots: Bools, queues: list[Ints], keys: Keys, excess: Bools, batch_rows: int) -> Ints:
    """Fill the places from first to last; each takes the first row of its label that is due and free."""
    # lists, because single elements of arrays are slow
    prompts, completions, anywhere = keys.prompts.tolist(), keys.completions.tolist(), excess.tolist()
    free_prompt, free_completion = [0] * (max(prompts) + 1), [0] * (max(completions) + 1)
    rows = [queue.tolist() for queue in queues]
    heads = [0, 0]
    waiting: list[list[int]] = [[], []]
    order = np.empty(len(slots), dtype=np.int64)

    def free(row: int, place: int) -> bool:
        return bool(
            anywhere[row]
            or (free_prompt[prompts[row]] <= place and free_completion[completions[row]] <= place)
        )

    for place, side in enumerate(slots.tolist()):
        held, queue = waiting[side], rows[side]
        chosen = next((index for index, row in enumerate(held) if free(row, place)), -1)
        row = held.pop(chosen) if chosen >= 0 else -1
        while row < 0 and heads[side] < len(queue) and len(held) <= _LOOK_AHEAD:
            candidate = queue[heads[side]]
            heads[side] += 1
            if free(candidate, place):
                row = candidate
            else:
                held.append(candidate)
        if row < 0:
            row = held.pop(0)
        if not anywhere[row]:
            free_prompt[prompts[row]] = free_completion[completions[row]] = place + batch_rows
        order[place] = row
    return order


def _repair(
    order: Ints, slots: Bools, keys: Keys, excess: Bools, batch_rows: int, random: np.random.Generator
) -> None:
    """Swap rows that stand too near an equal one with rows of their label elsewhere, where both then fit."""
    near = _too_near(order, keys, batch_rows)
    among = [np.flatnonzero(~slots), np.flatnonzero(slots)]

    def fits(row: int, place: int) -> bool:
        low = max(0, place - batch_rows + 1)
        around = np.concatenate([order[low:place], order[place + 1 : place + batch_rows]])
        return not bool(
            np.any(keys.prompts[around] == keys.prompts[row])
            or np.any(keys.completions[around] == keys.completions[row])
        )

    n_tries = _TRIES_IN_ALL
    for place in np.flatnonzero(near & ~excess[order]).tolist():
        if n_tries <= 0:
            return
        row = int(order[place])
        if fits(row, place):
            continue  # an earlier swap has freed it
        for other in random.choice(among[int(slots[place])], size=_TRIES).tolist():
            n_tries -= 1
            if abs(other - place) >= batch_rows and fits(row, other) and fits(int(order[other]), place):
                order[place], order[other] = order[other], order[place]
                break


def _too_near(order: Ints, keys: Keys, batch_rows: int) -> Bools:
    return np.asarray(repeats(keys.prompts[order], batch_rows) | repeats(keys.completions[order], batch_rows))


def repeats(groups: Ints, batch_rows: int) -> Bools:
    """Return which rows have one of their group among the `batch_rows - 1` rows before them.

    >>> repeats(np.array([7, 8, 7, 9, 8]), 3).tolist()
    [False, False, True, False, False]
    """
    n = len(groups)
    by_group = np.lexsort((np.arange(n), groups))
    found = np.zeros(n, dtype=np.bool_)
    near = (np.diff(by_group) < batch_rows) & (np.diff(groups[by_group]) == 0)
    found[by_group[1:][near]] = True
    return found
