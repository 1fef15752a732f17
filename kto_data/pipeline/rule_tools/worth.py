"""How often rules are right where the right label is known, and whether that differs by group.

Shapes: M rules, G gold samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.aggregators.method import Gold
from kto_data.pipeline.decision import gold_of
from kto_data.pipeline.rule_tools.groups import Groups
from kto_data.pipeline.rule_tools.known import Known
from kto_data.pipeline.rule_tools.on_data import RulesOnData
from kto_data.statistics.intervals import Interval, cases_needed, difference
from kto_data.votes.labelers import from_table
from kto_data.votes.report_card import ReportCard, effective_n, report_cards, weighted_share
from kto_data.votes.sample_ids import positions
from kto_data.votes.table import VoteTable, load_votes

_FEWEST = 5
"""Votes on known samples in a group below which nothing is said of it."""
_N_EXAMPLES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One rule's votes on known samples.

    Attributes:
        card: Its report card.
        n_effective: How many equally likely samples the weighted ones are worth.
        by_group: For each way of grouping, its precision in each group that has enough votes.
        wrong: The ids of some samples on which it is wrong.
    """

    card: ReportCard
    n_effective: float
    by_group: list[list[dict[str, Any]]]
    wrong: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """All rules' votes on known samples.

    Attributes:
        gold: The known samples that are among the rows.
        n_unknown: Those that are not.
        rules: What they say of each rule, in the rules' order.
    """

    gold: Gold
    n_unknown: int
    rules: list[Judged]


def judge(on_data: RulesOnData, known: Known, groupings: Sequence[Groups]) -> Worth:
    """Return what the known labels say of each rule; votes on equal rows are one vote on their sample."""
    votes = load_votes(
        from_table(on_data.rules.labelers()),
        samples=on_data.rows,
        rows=on_data.rows,
        rule_blocks=[on_data.votes],
        vote_blocks=[],
    )
    gold, n_unknown = gold_of(known.gold, votes)
    assert gold is not None, "a gold table gives gold"
    weight_G = np.ones(len(gold)) if gold.p_selected_G is None else 1 / gold.p_selected_G
    cards = report_cards(votes, sample_G=gold.sample_G, label_G=gold.label_G, weight_G=weight_G)
    sides = _Sides(votes, gold, weight_G)
    group_of = [_of_samples(on_data, votes, groups) for groups in groupings]
    return Worth(
        gold, n_unknown, [sides.judged(m, card, groupings, group_of) for m, card in enumerate(cards)]
    )


class _Sides:
    """The votes on gold samples."""

    def __init__(self, votes: VoteTable, gold: Gold, weight_G: npt.NDArray[np.float64]) -> None:
        self._votes = votes
        truth_N = np.zeros(len(votes.sample_ids), dtype=np.int8)
        truth_N[gold.sample_G] = np.where(gold.label_G, 1, -1)
        weight_N = np.zeros(len(votes.sample_ids))
        weight_N[gold.sample_G] = weight_G
        sign_V = np.sign(votes.up_V - votes.down_V)
        at = np.flatnonzero((truth_N[votes.sample_V] != 0) & (sign_V != 0))
        self._sample_V, self._labeler_V = votes.sample_V[at], votes.labeler_V[at]
        self._right_V = sign_V[at] == truth_N[self._sample_V]
        self._weight_V = weight_N[self._sample_V]

    def judged(
        self, m: int, card: ReportCard, groupings: Sequence[Groups], group_of: Sequence[npt.NDArray[np.int16]]
    ) -> Judged:
        mine = np.flatnonzero(self._labeler_V == m)
        sample, right, weight = self._sample_V[mine], self._right_V[mine], self._weight_V[mine]
        by_group = [
            list(_by_group(groups.names, group_S[sample], right, weight))
            for groups, group_S in zip(groupings, group_of, strict=True)
        ]
        wrong = [self._votes.sample_ids[int(one)] for one in sample[~right][:_N_EXAMPLES]]
        return Judged(card, effective_n(weight), by_group, wrong)


def _by_group(
    names: Sequence[str],
    group: npt.NDArray[np.int16],
    right: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64],
) -> Any:
    for number, name in enumerate(names):
        here = group == number
        if here.sum() < _FEWEST:
            continue
        share, _ = weighted_share(right[here], weight[here])
        rest, _ = weighted_share(right[~here], weight[~here])
        assert share is not None, "there are votes"
        apart = difference(share, rest) if rest and (~here).sum() >= _FEWEST else None
        yield {
            "group": name,
            "n": int(here.sum()),
            "precision": as_json(share),
            "differs": bool(apart and apart.excludes(0.0)),
        }


def _of_samples(on_data: RulesOnData, votes: VoteTable, groups: Groups) -> npt.NDArray[np.int16]:
    """Return the group of each sample: that of its first row."""
    group_S = np.full(len(votes.sample_ids), -1, dtype=np.int16)
    if not groups.names:
        return group_S
    first = 0
    with pq.ParquetFile(on_data.rows) as parquet:
        for batch in parquet.iter_batches(65_536, columns=["sample_id"], use_threads=False):
            at = positions(votes.sample_ids, batch.column(0))
            group = groups.group_N[first : first + len(at)]
            new = np.flatnonzero((at >= 0) & (group_S[at] < 0))[
                ::-1
            ]  # backwards, so that the first row stays
            group_S[at[new]] = group[new]
            first += len(at)
    return group_S


def as_json(interval: Interval | None) -> dict[str, float] | None:
    """Return an interval as JSON values."""
    if interval is None:
        return None
    return {"estimate": interval.estimate, "lower": interval.lower, "upper": interval.upper}


def further_labels(judged: Judged) -> int:
    """Return how many further labels, on samples that the rule votes on, make its interval +-5%."""
    accuracy = judged.card.accuracy
    return cases_needed(accuracy.estimate if accuracy else 0.5, judged.n_effective)
