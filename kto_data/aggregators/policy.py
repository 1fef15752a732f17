"""Who decides a sample: agreeing annotators, then a veto, then the aggregate, else nobody."""

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from kto_data.aggregators.method import Method
from kto_data.config.validate import Options
from kto_data.schema import LABELS
from kto_data.votes.table import VoteTable, strongest_of_groups

UNDECIDED, FALSE, TRUE = -1, 0, 1


class Policy(Options):
    """How probabilities become labels.

    The order is: two or more annotators who agree; annotators who disagree leave the sample
    undecided; vetoes, which leave it undecided when they contradict one another; the aggregation
    method's probability; `when_no_evidence`.
    """

    desirable_above: float = Field(0.5, ge=0.5, lt=1.0)
    """The aggregate decides desirable when p_desirable is greater than this."""
    undesirable_below: float = Field(0.5, gt=0.0, le=0.5)
    """... and undesirable when it is less than this; between the two the sample stays undecided."""
    when_no_evidence: Literal["undecided", "desirable", "undesirable"] = "undecided"
    """What a sample becomes on which nobody voted. Rules mostly say what is bad, so without
    `desirable` here (or another source of desirable votes) a run may have one class only."""


def decide(votes: VoteTable, method: Method, policy: Policy) -> pa.Table:
    """Return a `labels` table with one line for each of the N samples, in their order."""
    n_samples = len(votes.sample_ids)
    label_N = np.full(n_samples, UNDECIDED, dtype=np.int8)
    decided_by_N = np.full(n_samples, "no_evidence", dtype=object)

    voting = votes.of([labeler.mode != "shadow" for labeler in votes.labelers])
    counted = strongest_of_groups(voting)
    p_N = method.posterior(counted)
    if policy.when_no_evidence != "undecided":
        label_N[np.isnan(p_N)] = TRUE if policy.when_no_evidence == "desirable" else FALSE
    decided_by_N[~np.isnan(p_N)] = "aggregate"
    label_N[p_N > policy.desirable_above] = TRUE
    label_N[p_N < policy.undesirable_below] = FALSE

    # what is stronger is written later, over what is weaker
    vetoes = voting.of([labeler.mode == "veto" for labeler in votes.labelers])
    _overrule(vetoes, label_N, p_N, decided_by_N, least=1, who="veto", dissent="vetoes_contradict")
    annotators = voting.of([labeler.kind == "annotator" for labeler in votes.labelers])
    _overrule(
        annotators, label_N, p_N, decided_by_N, least=2, who="annotators", dissent="annotators_disagree"
    )

    return pa.table(
        {
            "sample_id": list(votes.sample_ids),
            "label": pa.array(label_N == TRUE, mask=label_N == UNDECIDED),
            "p_desirable": pa.array(p_N, mask=np.isnan(p_N)),
            "decided_by": pa.array(decided_by_N, type=pa.string()),
            "n_votes": voting.per_sample(voting.up_V + voting.down_V).astype(np.int32),
            "conflict": (voting.per_sample(voting.up_V) > 0) & (voting.per_sample(voting.down_V) > 0),
        },
        schema=LABELS,
    )


def _overrule(
    strong: VoteTable,
    label_N: np.typing.NDArray[np.int8],
    p_N: np.typing.NDArray[np.float64],
    decided_by_N: np.typing.NDArray[np.object_],
    *,
    least: int,
    who: str,
    dissent: str,
) -> None:
    """Let labelers who outrank the aggregate decide in place, where at least so many of them voted."""
    up_N = strong.per_sample(strong.up_V > strong.down_V)
    down_N = strong.per_sample(strong.down_V > strong.up_V)
    for value, agree_N in ((TRUE, (up_N >= least) & (down_N == 0)), (FALSE, (down_N >= least) & (up_N == 0))):
        label_N[agree_N] = value
        p_N[agree_N] = float(value)
        decided_by_N[agree_N] = who
    split_N = (up_N > 0) & (down_N > 0)
    label_N[split_N] = UNDECIDED
    decided_by_N[split_N] = dissent
