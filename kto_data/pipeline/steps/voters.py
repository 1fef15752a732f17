"""Who votes after the cheap labelers: judges, and recorded votes that are looked at only where they are needed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from kto_data.errors import FindingsError
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.counts import JudgeCounts
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.recorded import RecordedVotes
from kto_data.pipeline.context import Context
from kto_data.pipeline.judge_files import judged
from kto_data.pipeline.steps.round_rows import RoundRows
from kto_data.votes.labelers import Labeler

ANSWERS = "answers.sqlite"
"""Where judges' answers are kept, beside the run folders."""


class Voter(Protocol):
    """Somebody who votes on what is unresolved: a judge, a group of annotators, recorded votes."""

    def labelers(self) -> Sequence[Labeler]:
        """Return who votes, all of one kind."""

    def options(self) -> Any:
        """Return everything that the votes follow from, besides the rows, as JSON values."""

    def vote(self, rows: RoundRows) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield votes (as `VOTES`) and faults (as `FAULTS`) on rows."""

    def facts(self) -> dict[str, Any]:
        """Return what it has to tell after it has voted, JSON values by labeler."""


@dataclass(frozen=True, slots=True)
class RecordedVoter:
    """Votes in the input's columns, which are looked at only where they are needed."""

    recorded: RecordedVotes

    def labelers(self) -> Sequence[Labeler]:
        """Return the one labeler."""
        return [self.recorded.as_labeler()]

    def options(self) -> Any:
        """Return its keys."""
        return self.recorded.model_dump(mode="json")

    def vote(self, rows: RoundRows) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield its votes on each batch of unresolved rows."""
        yield from map(self.recorded.votes_on, rows.unresolved())

    def facts(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class JudgeVoter:
    """A model judge; its answers are kept beside the run folders, for all of them."""

    judge: Judge
    answers: Path
    say: Callable[[str], None]
    most_faults: float
    counts: dict[str, JudgeCounts] = field(default_factory=dict)

    def labelers(self) -> Sequence[Labeler]:
        """Return the judge, or its principles."""
        return self.judge.labelers

    def options(self) -> Any:
        """Return its definition, and the budget that decides how far it comes."""
        return [self.judge.definition, self.judge.options.budget.model_dump(mode="json")]

    def vote(self, rows: RoundRows) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield its votes, in the order of the rows."""
        once = self.judge.about == "content"
        source = rows.unresolved if self.judge.when.only_unresolved else rows.all

        def chosen() -> Iterator[pa.RecordBatch]:
            return source(once=once)

        with AnswerCache(self.answers) as answers:
            n_rows = 0
            first = ""
            for votes, faults in judged(self.judge, chosen, answers, runs=self.counts, say=self.say):
                n_rows += votes.num_rows + faults.num_rows
                first = first or next(iter(faults["error"].to_pylist()), "")
                yield votes, faults
        n_faults = self.counts[self.judge.name].n_faults
        if (
            n_faults > self.most_faults * n_rows
        ):  # before the step is finished, so that the next run asks again
            raise FindingsError(
                f"{self.judge.name} failed on {n_faults:,} of {n_rows:,} rows, over the limit of {self.most_faults:.1%} "
                f"(limits.faults); run again to ask about these anew; the first: {first}"
            )

    def facts(self) -> dict[str, Any]:
        """Return what it did."""
        return {name: counts.as_dict() for name, counts in self.counts.items()}


def voters_of(context: Context) -> list[Voter]:
    """Return who votes after the cheap labelers."""
    answers = context.run.path.parent / ANSWERS
    say, most_faults = context.run.progress.said, context.pipeline.file.limits.faults
    judges = [JudgeVoter(judge, answers, say, most_faults) for judge in context.pipeline.judges]
    recorded = [one for one in context.pipeline.file.label.recorded if one.when == "unresolved"]
    return [*judges, *map(RecordedVoter, recorded)]
