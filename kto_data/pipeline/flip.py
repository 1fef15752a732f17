"""What would flip a label: the smallest change of a sample's votes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kto_data.aggregators.method import Gold, Method
from kto_data.aggregators.policy import NO_GOLD, Policy, decide
from kto_data.votes.sample_ids import as_arrow
from kto_data.votes.table import VoteTable

MAX_CHANGES = 3
"""Votes that are changed at once when looking for what would flip a label."""

MAX_TRIED = 4000
"""Combinations tried for each number of changes."""


class Change(NamedTuple):
    """A vote that is different from what was cast.

    Attributes:
        labeler: Whose.
        vote: What it says instead: desirable, undesirable, or nothing.
    """

    labeler: str
    vote: str


def smallest_flip(
    votes: VoteTable,
    sample: int,
    method: Method,
    policy: Policy,
    taught: Gold | None,
    *,
    label: bool | None,
) -> list[Change] | None:
    """Return the fewest changed votes that give a sample another label; None when no few do.

    Of as many changes, withdrawn votes come before reversed ones, and those before new ones. Each
    combination is decided as a further sample beside all others, so that every method can be asked.

    Args:
        votes: All votes.
        sample: Which of the N samples is meant.
        method: The run's method.
        policy: The run's policy.
        taught: What the method learned from.
        label: The sample's label.
    """
    mine = votes.where(votes.sample_V == sample)
    cast = {
        int(m): (int(up), int(down))
        for m, up, down in zip(mine.labeler_V, mine.up_V, mine.down_V, strict=True)
    }
    single = _changes(votes, cast)
    for size in range(1, MAX_CHANGES + 1):
        tried = list(
            islice(
                (chosen for chosen in combinations(single, size) if len({m for m, _, _ in chosen}) == size),
                MAX_TRIED,
            )
        )
        changed = _with_clones(votes, [_apply(cast, chosen) for chosen in tried])
        decided = (
            decide(changed, method, policy, learn_from=NO_GOLD if taught is None else taught)
            .labels["label"]
            .to_pylist()[len(votes.sample_ids) :]
        )
        for chosen, outcome in zip(tried, decided, strict=True):
            if outcome is not None and outcome != label:
                return [Change(votes.labelers[m].name, said) for m, said, _ in chosen]
    return None


_Choice = tuple[int, str, tuple[int, int]]


def _changes(votes: VoteTable, cast: dict[int, tuple[int, int]]) -> list[_Choice]:
    withdrawn: list[_Choice] = [(m, "nothing", (0, 0)) for m in cast]
    reversed_: list[_Choice] = [
        (m, "undesirable" if up > down else "desirable", (down, up))
        for m, (up, down) in cast.items()
        if up != down
    ]
    new: list[_Choice] = [
        (m, said, counts)
        for m, labeler in enumerate(votes.labelers)
        if m not in cast and labeler.mode != "shadow"
        for said, counts in (("desirable", (1, 0)), ("undesirable", (0, 1)))
    ]
    voting = [m for m in cast if votes.labelers[m].mode != "shadow"]
    return [choice for choice in withdrawn + reversed_ if choice[0] in voting] + new


def _apply(cast: dict[int, tuple[int, int]], chosen: Sequence[_Choice]) -> dict[int, tuple[int, int]]:
    after = cast | {m: counts for m, _, counts in chosen}
    return {m: counts for m, counts in after.items() if counts != (0, 0)}


def _with_clones(votes: VoteTable, clones: Sequence[dict[int, tuple[int, int]]]) -> VoteTable:
    n = len(votes.sample_ids)
    entries = np.array(
        [(n + k, m, up, down) for k, clone in enumerate(clones) for m, (up, down) in sorted(clone.items())],
        dtype=np.int64,
    ).reshape(-1, 4)
    ids = pa.concat_arrays([as_arrow(votes.sample_ids), pa.array([f"~{k}" for k in range(len(clones))])])
    return replace(
        votes,
        sample_ids=ids.to_pylist(),
        sample_V=np.concatenate([votes.sample_V, entries[:, 0]]),
        labeler_V=np.concatenate([votes.labeler_V, entries[:, 1].astype(votes.labeler_V.dtype)]),
        up_V=np.concatenate([votes.up_V, entries[:, 2].astype(votes.up_V.dtype)]),
        down_V=np.concatenate([votes.down_V, entries[:, 3].astype(votes.down_V.dtype)]),
    )
