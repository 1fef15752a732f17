"""What a judge makes of one row: votes, a fault, or why it was not asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kto_data.labelers.judges.cache import Stored
from kto_data.labelers.judges.combine import combine
from kto_data.labelers.judges.file_model import Principle
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.verdict import Verdict
from kto_data.labelers.rules.row import Row


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What a judge made of one row; without votes, fault and `unsent` the judge is not for it.

    Attributes:
        row_id: The row.
        votes: Rows of `VOTES`.
        fault: Why there are none; None if there is no fault.
        may_pass: Asking again later may help.
        unsent: Why it was not asked; None if it was.
        causes: Of each vote that is an abstention with a cause, the cause.
        verdicts: For each voter the verdict of every sample.
    """

    row_id: str
    votes: tuple[dict[str, Any], ...] = ()
    fault: str | None = None
    may_pass: bool = False
    unsent: str | None = None
    causes: tuple[str, ...] = ()
    verdicts: tuple[tuple[Verdict, ...], ...] = ()


def of_answers(judge: Judge, row: Row, stored: Sequence[Stored]) -> RowOutcome:
    """Return what the answers to all questions about a row come to, in the order in which the judge asks them."""
    k = judge.options.samples.k
    votes, causes, verdicts = [], [], []
    for number, voter in enumerate(judge.voters):
        mine = stored[number * k : (number + 1) * k]
        verdict, each = judge.verdict([one.answer for one in mine], voter)
        votes.append(_vote(judge, row, voter, verdict) | _costs(mine))
        verdicts.append(tuple(each))
        if verdict.cause:
            causes.append(verdict.cause)
    return RowOutcome(row.row_id, tuple(votes), causes=tuple(causes), verdicts=tuple(verdicts))


def of_record(judge: Judge, row: Row, verdicts: Sequence[Verdict]) -> RowOutcome:
    """Return what verdicts that were made elsewhere come to; of none nothing."""
    if not verdicts:
        return RowOutcome(row.row_id)
    verdict = combine(verdicts, judge.options.samples.combine, judge.output.threshold)
    causes = (verdict.cause,) if verdict.cause else ()
    vote = _vote(judge, row, None, verdict)
    return RowOutcome(row.row_id, (vote,), causes=causes, verdicts=(tuple(verdicts),))


def _vote(judge: Judge, row: Row, voter: Principle | None, verdict: Verdict) -> dict[str, Any]:
    reason = f"[{verdict.cause}] {verdict.reason}" if verdict.cause else verdict.reason
    return {
        "sample_id": row.sample_id,
        "row_id": row.row_id if judge.about == "event" else None,
        "labeler": judge.labeler_name(voter),
        "version": judge.labelers[0].version,
        "vote": verdict.vote,
        "score": verdict.score,
        "reason": reason.encode("utf-8", "replace").decode("utf-8"),  # half a surrogate pair is no UTF-8
    }


def _costs(stored: Sequence[Stored]) -> dict[str, Any]:
    """Return what the answers to one question took, together; null where none of them tells."""

    def total(values: list[Any]) -> Any:
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    return {
        "cost_usd": total([one.cost_usd for one in stored]),
        "tokens_in": total([one.answer.tokens_in for one in stored]),
        "tokens_out": total([one.answer.tokens_out for one in stored]),
        "created_at": datetime.fromtimestamp(max(one.created_at for one in stored), UTC),
    }
