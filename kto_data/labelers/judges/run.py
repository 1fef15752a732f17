"""A judge on rows: votes and faults in the order of the rows, from stored answers and new ones."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from kto_data.errors import UnavailableError
from kto_data.labelers.judges.asking.answers import Answers, NotAskedError
from kto_data.labelers.judges.asking.asker import QuestionFault, StopAskingError
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.in_order import in_order
from kto_data.labelers.judges.asking.open_asker import open_asker
from kto_data.labelers.judges.backends.recorded import Recorded
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.counts import JudgeCounts
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.outcome import RowOutcome, of_answers, of_record
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.rules.row import Row
from kto_data.schema import FAULTS, VOTES

_ROWS_PER_TABLE = 1024
_ROWS_UNDER_WAY, _MOST_ROWS_UNDER_WAY = 16, 2048
"""Rows that are begun for each request that may be under way, and at most: votes come in the order of the rows, so one
slow answer holds back those after it, and this many may be waiting."""

Rows = Callable[[], Iterator[pa.RecordBatch]]
"""The rows, as often as they are asked for."""


class JudgeRun:
    """One judge at work.

    Args:
        judge: The judge.
        cache: Where its answers are kept.
        send: Whether questions without a stored answer are sent.
        spending: What may be spent; by default the judge's budget.
        advance: Called with the number of rows that are done, after each, and with 0 while nothing is.

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
            if len(votes) + len(faults) >= _ROWS_PER_TABLE:
                yield _tables(votes, faults)
                votes, faults = [], []
        yield _tables(votes, faults)

    def outcomes(self, rows: Iterator[tuple[Row, bool]]) -> Iterator[RowOutcome]:
        """Yield what the judge makes of each row; each comes with whether its sample is unresolved.

        Raises:
            UnavailableError: As `vote`.
        """
        found = self._looked_up(rows) if isinstance(self.judge.backend, Recorded) else self._asked(rows)
        for outcome in found:
            self.counts.add(outcome)
            self._advance(1)
            yield outcome

    def _looked_up(self, rows: Iterator[tuple[Row, bool]]) -> Iterator[RowOutcome]:
        judge, backend = self.judge, self.judge.backend
        assert isinstance(backend, Recorded)
        for row, unresolved in rows:
            try:
                verdicts = backend.verdicts(row) if judge.when.holds(row, unresolved=unresolved) else []
            except Exception as error:  # noqa: BLE001 - a check can fail in any way, and it is a fault of this row
                yield RowOutcome(row.row_id, fault=str(error.args[0] if error.args else error))
            else:
                yield of_record(judge, row, verdicts)

    def _asked(self, rows: Iterator[tuple[Row, bool]]) -> Iterator[RowOutcome]:
        judge = self.judge
        model, limits = judge.options.model, judge.options.limits
        asker = open_asker(judge.backend, model, limits) if self._send else None
        if asker is not None:
            self.counts.events = asker.events
        answers = Answers(judge.backend, model, self._cache, asker, self._spending, judge.cost_usd)

        def tick() -> None:
            self.counts.take(answers.counts)
            self._advance(0)

        async def close() -> None:
            if asker is not None:
                await asker.close()

        try:
            for outcome in in_order(
                (self._outcome(row, unresolved, answers) for row, unresolved in rows),
                most=min(_MOST_ROWS_UNDER_WAY, _ROWS_UNDER_WAY * max(16, limits.concurrency)),
                close=close,
                tick=tick,
            ):
                self.counts.take(answers.counts)
                yield outcome
            self._stop_if_nobody_answered()
        except StopAskingError as error:
            raise UnavailableError(
                f"{judge.name}: {error}\n{answers.counts.n_new:,} new answers are kept in {self._cache.path}; "
                "run the same command again to go on"
            ) from None
        finally:
            self.counts.take(answers.counts)

    def _stop_if_nobody_answered(self) -> None:
        """Stop a run that is too short for the server to be found down on the way."""
        events = self.counts.events
        if events["sent"] and not events["answered"] and not events["called wrong"]:
            raise StopAskingError(f"no request was answered; {', '.join(self.counts.reasons)}")

    async def _outcome(self, row: Row, unresolved: bool, answers: Answers) -> RowOutcome:
        try:
            questions = self.judge.asked(row, unresolved=unresolved)
        except Exception as error:  # noqa: BLE001 - a check or template can fail in any way; it is a fault of this row
            return RowOutcome(row.row_id, fault=str(error))
        if not questions:
            return RowOutcome(row.row_id)
        found = await asyncio.gather(*map(answers.answer, questions), return_exceptions=True)
        stored = [one for one in found if isinstance(one, Stored)]
        if len(stored) == len(found):
            return of_answers(self.judge, row, stored)
        failed = [one for one in found if isinstance(one, BaseException)]
        for problem in failed:
            if not isinstance(problem, QuestionFault | NotAskedError):
                raise problem
        faults = [problem for problem in failed if isinstance(problem, QuestionFault)]
        if faults:
            may_pass = any(problem.may_pass for problem in faults)
            return RowOutcome(row.row_id, fault=str(faults[0]), may_pass=may_pass)
        return RowOutcome(row.row_id, unsent=str(failed[0]))


def _tables(votes: list[dict[str, Any]], faults: list[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    return pa.Table.from_pylist(votes, schema=VOTES), pa.Table.from_pylist(faults, schema=FAULTS)
