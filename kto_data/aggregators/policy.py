"""Who decides a sample: gold, then agreeing annotators, then a veto, then the aggregate, else nobody.

Shapes: N samples, M labelers, V entries of the vote table, G gold samples.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field
from scipy.special import expit, logit

from kto_data.aggregators.method import Aggregate, Gold, Method
from kto_data.config.validate import Options
from kto_data.schema import DISPUTES, LABELS
from kto_data.votes.sample_ids import as_arrow
from kto_data.votes.table import Floats, VoteTable, strongest_of_groups

UNDECIDED, FALSE, TRUE = -1, 0, 1

DECIDERS = (
    "no_evidence",
    "aggregate",
    "veto",
    "vetoes_contradict",
    "annotators",
    "annotators_disagree",
    "gold",
)
"""What `decided_by` can say, the weakest first."""

Codes = npt.NDArray[np.int8]


NO_GOLD = Gold(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
"""Nothing is known."""


class Policy(Options):
    """How probabilities become labels.

    The order is: gold; two or more annotators who agree; annotators who disagree leave the sample
    undecided, for adjudication; vetoes, which leave it undecided when they contradict one another;
    the aggregation method's probability; `when_no_evidence`. Shadow votes never count, and a lone
    annotator is a vote among others. A method that learns from gold learns from agreeing annotators,
    too; it does not see annotators' votes then, or it would take them for the best rule there is, so
    a lone annotator's vote is added to its answer.
    """

    desirable_above: float = Field(0.5, ge=0.5, lt=1.0)
    """The aggregate decides desirable when p_desirable is greater than this."""
    undesirable_below: float = Field(0.5, gt=0.0, le=0.5)
    """... and undesirable when it is less than this; between the two the sample stays undecided."""
    when_no_evidence: Literal["undecided", "desirable", "undesirable"] = "undecided"
    """What a sample becomes on which nobody voted. Rules mostly say what is bad, so without
    `desirable` here (or another source of desirable votes) a run may have one class only."""
    lone_annotator: float = Field(0.8, gt=0.5, lt=1.0)
    """How often a lone annotator is right who states no `precision`, where a method learned from the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What a policy made of the votes.

    Attributes:
        labels: The `labels` table, one line for each of the N samples, in their order.
        aggregate: The method's answer, before anybody overruled it.
        disputes: The `disputes` table: where annotators disagree or vetoes contradict one another.
        counted: The votes that count: no shadows, of each group only the strongest.
        gold: What the method could learn from: the gold given, and samples on which annotators agree.
        worth_M: Log-odds that a labeler's vote for adds, and ...
        worth_against_M: ... that its vote against adds; None where votes do not simply add up.
    """

    labels: pa.Table
    aggregate: Aggregate
    disputes: pa.Table
    counted: VoteTable
    gold: Gold | None
    worth_M: Floats | None
    worth_against_M: Floats | None


def decide(
    votes: VoteTable,
    method: Method,
    policy: Policy,
    gold: Gold | None = None,
    *,
    p_selected_N: Floats | None = None,
    learn_from: Gold | None = None,
    before: Aggregate | None = None,
) -> Decided:
    """Return the label of each of the N samples, and who decided it.

    Args:
        votes: The votes.
        method: The aggregation method.
        policy: How its probabilities become labels.
        gold: Known labels.
        p_selected_N: With what probability annotators were given each sample; NaN where nobody knows.
        learn_from: What the method learns from, in place of gold and agreeing annotators.
        before: What the method made of these votes and some more, to begin with.
    """
    voting = votes.of([labeler.mode != "shadow" for labeler in votes.labelers])
    counted = strongest_of_groups(voting)
    taught = with_annotators(voting, gold, p_selected_N) if learn_from is None else learn_from
    found, worths = _ask(method, counted, taught, policy, before)
    p_N = found.p_desirable_N.copy()
    label_N = _by_thresholds(p_N, policy)
    decider_N = np.where(np.isnan(p_N), DECIDERS.index("no_evidence"), DECIDERS.index("aggregate"))

    # what is stronger is written later, over what is weaker
    ranks = (
        ("veto", [lab.mode == "veto" for lab in votes.labelers], 1, "vetoes_contradict"),
        ("annotators", [lab.kind == "annotator" for lab in votes.labelers], 2, "annotators_disagree"),
    )
    for who, chosen, least, dissent in ranks:
        up_N, down_N = voices(voting.of(chosen))
        _overrule(up_N, down_N, label_N, p_N, decider_N, least=least, who=who, dissent=dissent)
    if gold is not None and len(gold):
        label_N[gold.sample_G] = gold.label_G
        p_N[gold.sample_G] = gold.label_G
        decider_N[gold.sample_G] = DECIDERS.index("gold")

    up_N, down_N = voting.per_sample(voting.up_V), voting.per_sample(voting.down_V)
    labels = pa.table(
        {
            "sample_id": as_arrow(votes.sample_ids),
            "label": pa.array(label_N == TRUE, mask=label_N == UNDECIDED),
            "p_desirable": pa.array(p_N, mask=np.isnan(p_N)),
            "decided_by": pa.array(DECIDERS, type=pa.string()).take(pa.array(decider_N)),
            "n_votes": (up_N + down_N).astype(np.int32),
            "conflict": (up_N > 0) & (down_N > 0),
        },
        schema=LABELS,
    )
    return Decided(labels, found, _disputes(voting, decider_N), counted, taught, *worths)


def _is_annotator(votes: VoteTable) -> npt.NDArray[np.bool_]:
    return np.array([labeler.kind == "annotator" for labeler in votes.labelers], dtype=bool)


def with_annotators(voting: VoteTable, gold: Gold | None, p_selected_N: Floats | None = None) -> Gold | None:
    """Return gold together with the samples on which at least two annotators agree; None without either."""
    up_N, down_N = voices(voting.of(_is_annotator(voting)))
    agree_N = ((up_N >= 2) & (down_N == 0)) | ((down_N >= 2) & (up_N == 0))
    if gold is not None:
        agree_N[gold.sample_G] = False
    theirs = np.flatnonzero(agree_N)
    if not len(theirs):
        return gold
    given = NO_GOLD if gold is None else gold
    p_selected = None
    if given.p_selected_G is not None or p_selected_N is not None:
        known = np.ones(len(given)) if given.p_selected_G is None else given.p_selected_G
        drawn = np.ones(len(theirs)) if p_selected_N is None else np.nan_to_num(p_selected_N[theirs], nan=1.0)
        p_selected = np.concatenate([known, drawn])
    return Gold(
        np.concatenate([given.sample_G, theirs]),
        np.concatenate([given.label_G, up_N[theirs] > 0]),
        p_selected,
        given.prompt_N,
    )


def _ask(
    method: Method, counted: VoteTable, taught: Gold | None, policy: Policy, before: Aggregate | None
) -> tuple[Aggregate, tuple[Floats | None, Floats | None]]:
    """Return the method's answer and what votes are worth in it.

    A method that learned from people did not see their votes; those of lone annotators are then added.
    """

    def ask(votes: VoteTable) -> Aggregate:
        return method.aggregate(votes, taught) if before is None else method.refit(votes, taught, before)

    annotator_M = _is_annotator(counted)
    theirs = counted.of(annotator_M)
    if taught is None or not len(theirs.sample_V):
        found = ask(counted)
        return found, (found.worth_M, found.worth_against_M)
    found = ask(counted.of(~annotator_M))
    if found.p_held_out_G is None:  # it learned nothing, so annotators are voters like all others
        found = ask(counted)
        return found, (found.worth_M, found.worth_against_M)
    own_M = np.array(
        [
            (1.0 if lab.weight is None else lab.weight)
            * float(logit(policy.lone_annotator if lab.prior_mean is None else lab.prior_mean))
            for lab in counted.labelers
        ]
    )
    added_N = theirs.per_sample(own_M[theirs.labeler_V] * np.sign(theirs.up_V - theirs.down_V))
    p_N = found.p_desirable_N
    base_N = logit(np.clip(np.where(np.isnan(p_N), 0.5, p_N), 1e-12, 1 - 1e-12))
    p_N = np.where(added_N != 0, expit(base_N + added_N), p_N)
    worths = (
        None if found.worth_M is None else np.where(annotator_M, own_M, found.worth_M),
        None if found.worth_against_M is None else np.where(annotator_M, -own_M, found.worth_against_M),
    )
    return replace(found, p_desirable_N=p_N), worths


def voices(strong: VoteTable) -> tuple[Floats, Floats]:
    """Return how many labelers say desirable, and undesirable, of each sample.

    Of a labeler under whose name several people answer each is a voice; one that contradicts itself
    about content is a voice on both sides.
    """
    event = np.array([labeler.about == "event" for labeler in strong.labelers], dtype=bool)
    pooled_V = event[strong.labeler_V] if len(strong.labelers) else np.zeros(0, dtype=bool)
    # of thumbs and the like the larger number speaks
    up_V = np.where(pooled_V, strong.up_V > strong.down_V, strong.up_V)
    down_V = np.where(pooled_V, strong.down_V > strong.up_V, strong.down_V)
    return strong.per_sample(up_V), strong.per_sample(down_V)


def _by_thresholds(p_N: Floats, policy: Policy) -> Codes:
    label_N = np.full(len(p_N), UNDECIDED, dtype=np.int8)
    if policy.when_no_evidence != "undecided":
        label_N[np.isnan(p_N)] = TRUE if policy.when_no_evidence == "desirable" else FALSE
    label_N[p_N > policy.desirable_above] = TRUE
    label_N[p_N < policy.undesirable_below] = FALSE
    return label_N


def _overrule(
    up_N: Floats,
    down_N: Floats,
    label_N: Codes,
    p_N: Floats,
    decider_N: npt.NDArray[np.int64],
    *,
    least: int,
    who: str,
    dissent: str,
) -> None:
    """Let voices who outrank the aggregate decide in place, where there are at least so many."""
    for value, agree_N in ((TRUE, (up_N >= least) & (down_N == 0)), (FALSE, (down_N >= least) & (up_N == 0))):
        label_N[agree_N] = value
        p_N[agree_N] = float(value)
        decider_N[agree_N] = DECIDERS.index(who)
    split_N = (up_N > 0) & (down_N > 0)
    label_N[split_N] = UNDECIDED
    decider_N[split_N] = DECIDERS.index(dissent)


def _disputes(voting: VoteTable, decider_N: npt.NDArray[np.int64]) -> pa.Table:
    records = []
    kinds = {
        "annotators_disagree": [labeler.kind == "annotator" for labeler in voting.labelers],
        "vetoes_contradict": [labeler.mode == "veto" for labeler in voting.labelers],
    }
    for kind, chosen in kinds.items():
        disputed_N = decider_N == DECIDERS.index(kind)
        if not disputed_N.any():
            continue
        theirs = voting.of(chosen)
        theirs = theirs.where(disputed_N[theirs.sample_V])
        sides: dict[int, tuple[list[str], list[str]]] = {}
        for s, m, up, down in zip(theirs.sample_V, theirs.labeler_V, theirs.up_V, theirs.down_V, strict=True):
            for side, n in enumerate((up, down)):
                if n:
                    sides.setdefault(int(s), ([], []))[side].append(voting.labelers[m].name)
        records += [
            {"sample_id": voting.sample_ids[s], "kind": kind, "desirable": ups, "undesirable": downs}
            for s, (ups, downs) in sides.items()
        ]
    return pa.Table.from_pylist(sorted(records, key=lambda record: str(record["sample_id"])), schema=DISPUTES)
