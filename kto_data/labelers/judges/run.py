"""A judge on rows: votes and faults in the order of the rows, from stored answers and new ones."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from kto_data.errors import UnavailableError
from kto_data.labelers.judges.asking.answers import Answers, Asker, NotAskedError
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.local import LocalAsker
from kto_data.labelers.judges.asking.server import QuestionFault, ServerAsker, StopAskingError
from kto_data.labelers.judges.backends.backend import HttpBackend, LocalBackend
from kto_data.labelers.judges.backends.recorded import Recorded
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.combine import combine
from kto_data.labelers.judges.file_model import Principle
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.question import Answer
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.judges.verdict import Verdict
from kto_data.labelers.rules.row import Row
from kto_data.schema import DESIRABLE, FAULTS, UNDESIRABLE, VOTES

ROWS_PER_TABLE = 1024
_ROWS_UNDER_WAY, _MOST_ROWS_UNDER_WAY = 16, 2048
"""Rows that are begun for each request that may be under way, and at most: votes come in the order of the rows, so one
slow answer holds back those after it, and this many may be waiting."""

Rows = Callable[[], Iterator[pa.RecordBatch]]
"""The rows, as often as they are asked for."""


@dataclass
class JudgeCounts:
    """What a judge did; every row is in exactly one of the first four.

    Attributes:
        n_voted: Rows with a vote, abstentions included (of a judge with several voters: with all of theirs).
        n_faults: Rows on which it failed.
        n_passing: Of those, rows that may get an answer when they are asked about again.
        n_not_applicable: Rows that it is not for (`when`), or of which nothing was recorded.
        n_unsent: Rows that were not asked about: the budget is spent, or nothing was to be sent.
        n_desirable: Votes.
        n_undesirable: Votes.
        causes: Abstentions by cause.
        faults: Faults by reason, up to its first colon.
        reasons: The first fault in full.
        unsent: Why rows were not asked about.
        n_stored: Answers from the cache.
        n_new: Answers that were asked for now.
        cost_usd: What the new ones cost.
        tokens_in: What they read.
        tokens_out: What they wrote.
        events: What happened on the way to them.
    """

    n_voted: int = 0
    n_faults: int = 0
    n_passing: int = 0
    n_not_applicable: int = 0
    n_unsent: int = 0
    n_desirable: int = 0
    n_undesirable: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    unsent: Counter[str] = field(default_factory=Counter)
    n_stored: int = 0
    n_new: int = 0
    cost_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    events: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What a judge made of one row.

    Attributes:
        votes: Rows of `VOTES`.
        fault: Why there are none; None if there is no fault.
        may_pass: Asking again later may help.
        unsent: Why it was not asked; None if it was.
        verdicts: For each voter the verdict of every sample.
    """

    row_id: str
    votes: tuple[dict[str, Any], ...] = ()
    fault: str | None = None
    may_pass: bool = False
    unsent: str | None = None
    causes: tuple[str, ...] = ()
    verdicts: tuple[tuple[Verdict, ...], ...] = ()


class JudgeRun:
    """One judge at work.

    Args:
        judge: The judge.
        cache: Where its answers are kept.
        send: Whether questions without a stored answer are sent.
        spending: What may be spent; by default the judge's budget.
        advance: Called with the number of rows that are done, after each.

    Attributes:
        counts: What it did so far.
    """

    def __init__(
        self,
        judge: Judge,
        cache: AnswerCache,
        *,
        send: bool = True,
        spending: Spending | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.judge = judge
        self.counts = JudgeCounts()
        self._cache, self._send, self._advance = cache, send, advance
        self._spending = spending or Spending(judge.options.budget)
        self._answers: Answers | None = None

    def vote(self, rows: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield votes (as `VOTES`) and faults (as `FAULTS`), in the order of the rows.

        Raises:
            UnavailableError: The server is down or refuses everything; what was answered is kept.
        """
        votes: list[dict[str, Any]] = []
        faults: list[dict[str, Any]] = []
        for outcome in self.outcomes(flagged_rows(rows)):
            votes += outcome.votes
            if outcome.fault is not None:
                fault = {"row_id": outcome.row_id, "labeler": self.judge.name, "error": outcome.fault}
                faults.append(fault)
            if len(votes) + len(faults) >= ROWS_PER_TABLE:
                yield _tables(votes, faults)
                votes, faults = [], []
        yield _tables(votes, faults)

    def outcomes(self, rows: Iterator[tuple[Row, bool]]) -> Iterator[RowOutcome]:
        """Yield what the judge makes of each row; each comes with whether its sample is unresolved."""
        if isinstance(self.judge.backend, Recorded):
            for row, unresolved in rows:
                yield self._counted(self._recorded(self.judge.backend, row, unresolved=unresolved))
            return
        with asyncio.Runner() as runner:
            asked = self._asked(rows)
            try:
                while chunk := runner.run(_take(asked)):
                    yield from chunk
            finally:
                runner.run(asked.aclose())

    async def _asked(self, rows: Iterator[tuple[Row, bool]]) -> Any:
        """Yield outcomes in order, with a window of rows under way."""
        judge = self.judge
        asker = self._asker() if self._send else None
        self._answers = Answers(
            judge.backend, judge.options.model, self._cache, asker, self._spending, judge.cost_usd
        )
        most = min(_MOST_ROWS_UNDER_WAY, _ROWS_UNDER_WAY * max(16, judge.options.limits.concurrency))
        window: deque[asyncio.Task[RowOutcome]] = deque()
        try:
            for row, unresolved in rows:
                window.append(asyncio.create_task(self._outcome(row, unresolved)))
                if len(window) >= most:
                    yield self._counted(await window.popleft())
                await asyncio.sleep(0)  # let it be sent before the next row is written into a prompt
                while window and window[0].done():
                    yield self._counted(await window.popleft())
            while window:
                yield self._counted(await window.popleft())
            self._stop_if_nobody_answered()
        except StopAskingError as error:
            raise UnavailableError(self._stopped(str(error))) from None
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)
            if asker is not None:
                await asker.close()

    def _asker(self) -> Asker:
        backend, options = self.judge.backend, self.judge.options
        if isinstance(backend, HttpBackend):
            asker = ServerAsker(backend, options.model, options.limits)
            self.counts.events = asker.events
            return asker
        assert isinstance(backend, LocalBackend)
        return LocalAsker(backend, options.model)

    def _stop_if_nobody_answered(self) -> None:
        """Stop a run that is too short for the server to be found down on the way."""
        events = self.counts.events
        if events["sent"] and not events["answered"] and not events["called wrong"]:
            raise StopAskingError(f"no request was answered; {', '.join(self.counts.reasons)}")

    def _stopped(self, reason: str) -> str:
        n_kept = self._answers.counts.n_new if self._answers else 0
        return (
            f"{self.judge.name}: {reason}\n{n_kept:,} new answers are kept in {self._cache.path}; "
            "run the same command again to go on"
        )

    async def _outcome(self, row: Row, unresolved: bool) -> RowOutcome:
        judge = self.judge
        try:
            if not judge.when.holds(row, unresolved=unresolved):
                return RowOutcome(row.row_id)
            questions = [one for voter in judge.voters for one in judge.questions(row, voter)]
        except Exception as error:  # noqa: BLE001 - a check or template can fail in any way; it is a fault of this row
            return RowOutcome(row.row_id, fault=str(error))
        assert self._answers is not None
        found = await asyncio.gather(*map(self._answers.answer, questions), return_exceptions=True)
        stored = [one for one in found if isinstance(one, Stored)]
        if len(stored) == len(found):
            return self._voted(row, stored)
        failed = [one for one in found if isinstance(one, BaseException)]
        for problem in failed:
            if not isinstance(problem, QuestionFault | NotAskedError):
                raise problem
        faults = [problem for problem in failed if isinstance(problem, QuestionFault)]
        if faults:
            may_pass = any(problem.may_pass for problem in faults)
            return RowOutcome(row.row_id, fault=str(faults[0]), may_pass=may_pass)
        return RowOutcome(row.row_id, unsent=str(failed[0]))

    def _voted(self, row: Row, stored: list[Stored]) -> RowOutcome:
        k = self.judge.options.samples.k
        votes, causes, verdicts = [], [], []
        for number, voter in enumerate(self.judge.voters):
            mine = stored[number * k : (number + 1) * k]
            verdict, each = self.judge.verdict([one.answer for one in mine], voter)
            votes.append(self._vote(row, voter, verdict) | _costs(mine))
            verdicts.append(tuple(each))
            if verdict.cause:
                causes.append(verdict.cause)
        return RowOutcome(row.row_id, tuple(votes), causes=tuple(causes), verdicts=tuple(verdicts))

    def _vote(self, row: Row, voter: Principle | None, verdict: Verdict) -> dict[str, Any]:
        reason = f"[{verdict.cause}] {verdict.reason}" if verdict.cause else verdict.reason
        return {
            "sample_id": row.sample_id,
            "row_id": row.row_id if self.judge.about == "event" else None,
            "labeler": self.judge.labeler_name(voter),
            "version": self.judge.labelers[0].version,
            "vote": verdict.vote,
            "score": verdict.score,
            "reason": reason.encode("utf-8", "replace").decode("utf-8"),
        }

    def _recorded(self, backend: Recorded, row: Row, *, unresolved: bool) -> RowOutcome:
        try:
            verdicts = backend.verdicts(row) if self.judge.when.holds(row, unresolved=unresolved) else []
        except Exception as error:  # noqa: BLE001 - as for those that are asked
            return RowOutcome(row.row_id, fault=str(error.args[0] if error.args else error))
        if not verdicts:
            return RowOutcome(row.row_id)
        samples = self.judge.options.samples
        verdict = combine(verdicts, samples.combine, self.judge.output.threshold)
        causes = (verdict.cause,) if verdict.cause else ()
        return RowOutcome(
            row.row_id, (self._vote(row, None, verdict),), causes=causes, verdicts=(tuple(verdicts),)
        )

    def _counted(self, outcome: RowOutcome) -> RowOutcome:
        counts = self.counts
        if outcome.fault is not None:
            counts.n_faults += 1
            counts.n_passing += outcome.may_pass
            counts.reasons = counts.reasons or [outcome.fault]
            counts.faults[outcome.fault.partition(":")[0]] += 1
        elif outcome.unsent is not None:
            counts.n_unsent += 1
            counts.unsent[outcome.unsent] += 1
        elif not outcome.votes:
            counts.n_not_applicable += 1
        else:
            counts.n_voted += 1
            counts.n_desirable += sum(vote["vote"] == DESIRABLE for vote in outcome.votes)
            counts.n_undesirable += sum(vote["vote"] == UNDESIRABLE for vote in outcome.votes)
            counts.causes.update(outcome.causes)
        if self._answers is not None:
            got = self._answers.counts
            counts.n_stored, counts.n_new, counts.cost_usd = got.n_stored, got.n_new, got.cost_usd
            counts.tokens_in, counts.tokens_out = got.tokens_in, got.tokens_out
        self._advance(1)
        return outcome


async def _take(outcomes: Any) -> list[RowOutcome]:
    """Return the next outcomes; nothing at the end."""
    chunk: list[RowOutcome] = []
    async for outcome in outcomes:
        chunk.append(outcome)
        if len(chunk) >= ROWS_PER_TABLE:
            break
    return chunk


def _costs(stored: list[Stored]) -> dict[str, Any]:
    """Return what the answers to one question took, together."""

    def total(values: list[Any]) -> Any:
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    answers: list[Answer] = [one.answer for one in stored]
    return {
        "cost_usd": total([one.cost_usd for one in stored]),
        "tokens_in": total([answer.tokens_in for answer in answers]),
        "tokens_out": total([answer.tokens_out for answer in answers]),
        "created_at": datetime.fromtimestamp(max(one.created_at for one in stored), UTC),
    }


def _tables(votes: list[dict[str, Any]], faults: list[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    return pa.Table.from_pylist(votes, schema=VOTES), pa.Table.from_pylist(faults, schema=FAULTS)
