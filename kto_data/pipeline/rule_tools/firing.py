"""Where rules fire: how often in each group of rows, which with which, and on which rows to look.

Shapes: N rows, M rules, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kto_data.pipeline.rule_tools.groups import Groups
from kto_data.pipeline.rule_tools.on_data import NOT_APPLICABLE, Bools, RulesOnData, fired

Counts = npt.NDArray[np.int64]


@dataclass(slots=True)
class Firing:
    """What rules did on rows, counted in one pass over their votes.

    Attributes:
        fires_M: Rows on which each fires.
        seen_M: Rows on which it is applicable and did not fail.
        together_MM: Rows on which two fire.
        fires_GM: For each way of grouping, the fires in each group.
        seen_GM: ... and the rows on which it is applicable.
        drawn: For each rule some of the rows on which it fires, drawn at random.
        others: Rows drawn at random from all.
    """

    fires_M: Counts
    seen_M: Counts
    together_MM: Counts
    fires_GM: list[Counts]
    seen_GM: list[Counts]
    drawn: list[list[int]] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


def count_firing(
    on_data: RulesOnData, groupings: Sequence[Groups], *, n_drawn: int, n_others: int, seed: int
) -> Firing:
    """Count, and draw up to `n_drawn` rows on which each rule fires and `n_others` of all."""
    rules = on_data.rules.rules
    n_rules = len(rules)
    counted = Firing(
        np.zeros(n_rules, dtype=np.int64),
        np.zeros(n_rules, dtype=np.int64),
        np.zeros((n_rules, n_rules), dtype=np.int64),
        [np.zeros((len(groups.names), n_rules), dtype=np.int64) for groups in groupings],
        [np.zeros((len(groups.names), n_rules), dtype=np.int64) for groups in groupings],
    )
    random = np.random.default_rng(seed)
    draws = [_Draw(n_drawn) for _ in rules]
    others = _Draw(n_others)
    for first, votes_MN in on_data.batches():
        fires_MN = np.stack([fired(rule, votes) for rule, votes in zip(rules, votes_MN, strict=True)])
        seen_MN = votes_MN != NOT_APPLICABLE
        counted.fires_M += fires_MN.sum(axis=1)
        counted.seen_M += seen_MN.sum(axis=1)
        # exact: sums of a batch's ones are far below the 2^24 that 32 bits can count
        as_numbers = fires_MN.astype(np.float32)
        counted.together_MM += (as_numbers @ as_numbers.T).astype(np.int64)
        for number, groups in enumerate(groupings):
            _count_groups(
                groups.group_N[first : first + votes_MN.shape[1]], fires_MN, counted.fires_GM[number]
            )
            _count_groups(groups.group_N[first : first + votes_MN.shape[1]], seen_MN, counted.seen_GM[number])
        lot_N = random.random(votes_MN.shape[1])
        others.add(np.arange(votes_MN.shape[1]), lot_N, first)
        for draw, fires_N in zip(draws, fires_MN, strict=True):
            draw.add(np.flatnonzero(fires_N), lot_N, first)
    counted.drawn = [draw.rows() for draw in draws]
    counted.others = others.rows()
    return counted


def _count_groups(group_N: npt.NDArray[np.int16], what_MN: Bools, counts_GM: Counts) -> None:
    for group in np.unique(group_N[group_N >= 0]).tolist():
        counts_GM[group] += what_MN[:, group_N == group].sum(axis=1)


class _Draw:
    """The rows with the smallest lots of all that were added."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._rows: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._lots: npt.NDArray[np.float64] = np.zeros(0)

    def add(self, places: npt.NDArray[np.intp], lot_N: npt.NDArray[np.float64], first: int) -> None:
        """Add rows of a batch by their places in it."""
        if not len(places):
            return
        rows, lots = np.append(self._rows, places + first), np.append(self._lots, lot_N[places])
        kept = np.argsort(lots, kind="stable")[: self._n]
        self._rows, self._lots = rows[kept], lots[kept]

    def rows(self) -> list[int]:
        """Return the drawn rows, in the order of their lots."""
        return [int(row) for row in self._rows]
