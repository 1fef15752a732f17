"""The report card of each labeler: how often it is right where the right label is known, and whom it echoes.

Shapes: N samples, M labelers, V entries of the vote table, G gold samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.statistics.calibration import Calibration, calibration
from kto_data.statistics.intervals import Interval, cases_needed, wilson
from kto_data.statistics.share import corrected_share
from kto_data.votes.echoes import Echo, find_echoes
from kto_data.votes.standing import long_source
from kto_data.votes.table import Floats, Ints, VoteTable

_LEAST_EACH = 5
"""Right and wrong votes on gold below which predictions do not help: their interval is a normal approximation."""


@dataclass(frozen=True, slots=True)
class Side:
    """One labeler's votes for one class, against gold.

    Attributes:
        precision: Of its votes for the class, the share that is right; Wilson's interval, or PPI++'s.
        precision_by: `gold` alone, or `gold and predictions` where these make the interval narrower.
        recall: Of the gold samples of the class, the share that it votes for.
        n_votes: Its votes for the class on gold samples.
        n_gold: The gold samples of the class.
    """

    precision: Interval | None
    precision_by: str
    recall: Interval | None
    n_votes: int
    n_gold: int


@dataclass(frozen=True, slots=True)
class ReportCard:
    """What gold says of one labeler. Intervals are Wilson's, at 95%, but for precision with predictions.

    Attributes:
        labeler: Its name.
        n_gold: Gold samples on which it votes.
        accuracy: The share of its votes on gold samples that is right.
        n_more: Further gold samples, among those that it votes on, that would make that interval +-5%.
        desirable: Its votes for.
        undesirable: Its votes against.
        calibration: Its scores, taken as probabilities, against gold; None where it gives none.
        echoes: The labelers most correlated with it, the closest first.
        constant: It only ever says one thing, so it tells good from bad by its silence alone.
    """

    labeler: str
    n_gold: int
    accuracy: Interval | None
    n_more: int
    desirable: Side
    undesirable: Side
    calibration: Calibration | None
    echoes: tuple[Echo, ...]
    constant: bool


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Probabilities of desirable, from judges and all others.

    Attributes:
        p_N: Of every sample; NaN where there is none.
        p_held_out_G: Of the gold samples, made without their labels.
        group_G: Gold samples that stand or fall together, as those of one prompt; None when all are independent.
    """

    p_N: Floats
    p_held_out_G: Floats
    group_G: Ints | None = None


def report_cards(
    votes: VoteTable,
    *,
    sample_G: Ints,
    label_G: npt.NDArray[np.bool_],
    weight_G: Floats | None = None,
    vote_blocks: Sequence[Path] = (),
    predictions: Predictions | None = None,
) -> list[ReportCard]:
    """Return a card for each labeler, in their order.

    Args:
        votes: The votes, pooled per sample.
        sample_G: Where the gold samples stand among the N.
        label_G: Their labels.
        weight_G: How much each counts, such as 1 / p_selected; all alike by default.
        vote_blocks: Long blocks, for scores.
        predictions: What is predicted of all samples; makes precisions surer where judges know more than gold tells.
    """
    sign_V = np.sign(votes.up_V - votes.down_V).astype(np.int8)
    weight_G = np.ones(len(sample_G)) if weight_G is None else weight_G
    gold_N = np.zeros(len(votes.sample_ids), dtype=np.int8)
    gold_N[sample_G] = np.where(label_G, 1, -1)
    weight_N = np.zeros(len(votes.sample_ids))
    weight_N[sample_G] = weight_G
    on_gold = np.flatnonzero((gold_N[votes.sample_V] != 0) & (sign_V != 0))
    n_up_M, n_down_M, n_cast_M = (
        votes.per_labeler(side_V) for side_V in (sign_V > 0, sign_V < 0, sign_V < 2)
    )
    echoes = find_echoes(votes, sign_V)
    scores = _scores(votes, gold_N, vote_blocks)
    cards = []
    for m, labeler in enumerate(votes.labelers):
        at_V = on_gold[votes.labeler_V[on_gold] == m]
        says, truth, weight = sign_V[at_V], gold_N[votes.sample_V[at_V]], weight_N[votes.sample_V[at_V]]
        accuracy, n_effective = weighted_share(says == truth, weight)
        sides = [_side(value, says, truth, weight, gold_N[sample_G], weight_G) for value in (1, -1)]
        if predictions is not None:
            mine = votes.where(votes.labeler_V == m) if any(_may_help(side) for side in sides) else None
            sides = [
                _with_predictions(side, value, mine, label_G, sample_G, weight_G, predictions)
                if mine is not None and _may_help(side)
                else side
                for value, side in zip((1, -1), sides, strict=True)
            ]
        cards.append(
            ReportCard(
                labeler=labeler.name,
                n_gold=len(at_V),
                accuracy=accuracy,
                n_more=cases_needed(accuracy.estimate if accuracy else 0.5, n_effective),
                desirable=sides[0],
                undesirable=sides[1],
                calibration=scores.get(labeler.name),
                echoes=echoes[m],
                constant=bool(0 < n_cast_M[m] == max(n_up_M[m], n_down_M[m])),
            )
        )
    return cards


def _side(
    value: int,
    says: npt.NDArray[np.int8],
    truth: npt.NDArray[np.int8],
    weight: Floats,
    gold_G: npt.NDArray[np.int8],
    weight_G: Floats,
) -> Side:
    mine, wanted = says == value, gold_G == value
    found = float(weight[mine & (truth == value)].sum())
    total, n_effective = float(weight_G[wanted].sum()), effective_n(weight_G[wanted])
    recall = wilson(min(1.0, found / total) * n_effective, n_effective) if total else None
    precision, _ = weighted_share(truth[mine] == value, weight[mine])
    return Side(precision, "gold", recall, int(np.count_nonzero(mine)), int(np.count_nonzero(wanted)))


def _may_help(side: Side) -> bool:
    if side.precision is None:
        return False
    right = side.precision.estimate * side.n_votes
    return min(right, side.n_votes - right) >= _LEAST_EACH


def _with_predictions(
    side: Side,
    value: int,
    mine: VoteTable,
    label_G: npt.NDArray[np.bool_],
    sample_G: Ints,
    weight_G: Floats,
    predictions: Predictions,
) -> Side:
    """Return the side with the precision that gold and predictions give together, if that is surer.

    Precision is the share of right votes among all that the labeler casts for the class, of which gold knows
    some and the predictions have something to say about all: the case of PPI++, see `statistics.share`.
    """
    says_N = mine.per_sample(np.sign(mine.up_V - mine.down_V)) == value
    on_gold_G = says_N[sample_G]
    estimate = corrected_share(
        predictions.p_N[says_N],
        gold_G=label_G[on_gold_G],
        p_held_out_G=predictions.p_held_out_G[on_gold_G],
        weight_G=weight_G[on_gold_G],
        group_G=None if predictions.group_G is None else predictions.group_G[on_gold_G],
    )
    if estimate is None or side.precision is None:
        return side
    share = estimate.interval
    if value < 0:
        share = Interval(1 - share.estimate, 1 - share.upper, 1 - share.lower, share.level)
    if share.upper - share.lower >= side.precision.upper - side.precision.lower:
        return side
    return replace(side, precision=share, precision_by="gold and predictions")


def weighted_share(right: npt.NDArray[np.bool_], weight: Floats) -> tuple[Interval | None, float]:
    """Return the weighted share that is right with its interval, and the effective number of cases."""
    n = effective_n(weight)
    if n == 0:
        return None, 0.0
    share = float(weight[right].sum() / weight.sum())
    return wilson(share * n, n), n


def effective_n(weight: Floats) -> float:
    """Return the effective number of cases, (sum w)^2 / sum w^2 (Kish 1965); their number when all count alike."""
    if not len(weight) or not weight.any():
        return 0.0
    if np.all(weight == weight[0]):
        return float(len(weight))
    return float(weight.sum() ** 2 / (weight**2).sum())


def _scores(votes: VoteTable, gold_N: npt.NDArray[np.int8], blocks: Sequence[Path]) -> dict[str, Calibration]:
    """Return the calibration of each labeler whose scores are probabilities, on gold samples."""
    blocks = [block for block in blocks if "score" in pq.read_schema(block).names]
    where_gold = np.flatnonzero(gold_N)
    if not blocks or not len(where_gold):
        return {}
    ids = [votes.sample_ids[int(i)] for i in where_gold]
    label = dict(zip(ids, (gold_N[where_gold] > 0).tolist(), strict=True))
    versions = {labeler.name: labeler.version for labeler in votes.labelers}
    source = " UNION ALL ".join(long_source(block) for block in blocks)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE known AS SELECT unnest(?::VARCHAR[]) AS sample_id", [ids])
        found = con.execute(
            f"SELECT labeler, version, sample_id, avg(score) FROM ({source}) SEMI JOIN known USING (sample_id) "  # noqa: S608 - all parts are quoted
            "WHERE isfinite(score) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    stated: dict[str, list[tuple[float, bool]]] = {}
    for name, version, sample_id, score in found:
        if name in versions and version in (None, versions[name]):
            stated.setdefault(name, []).append((score, label[sample_id]))
    result = {}
    for name, pairs in stated.items():
        score, outcome = (np.array(values) for values in zip(*pairs, strict=True))
        counted = calibration(score, outcome) if score.min() >= 0 and score.max() <= 1 else None
        if counted is not None:  # scores outside [0, 1] are no probabilities
            result[name] = counted
    return result
