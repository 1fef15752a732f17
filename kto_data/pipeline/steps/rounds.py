"""The rounds of labelling: cheap labelers first, then judges and annotators on what is still unresolved.

    rules, recorded -> provisional -> judges -> provisional -> annotators -> provisional -> humans -> aggregate

Who votes in a later round is a `Voter`; most are asked only about rows whose sample the aggregate before
it left unresolved (`humans`, whom a batch is sent to, about a sample of all). A run without such voters has no provisional aggregate.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import FindingsError
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.counts import JudgeCounts
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.recorded import RecordedVotes
from kto_data.pipeline.context import Context
from kto_data.pipeline.judge_files import judged
from kto_data.pipeline.sections.label import UnresolvedOptions
from kto_data.pipeline.steps.aggregate import aggregate
from kto_data.pipeline.steps.humans import ask_annotators
from kto_data.pipeline.steps.label import ROWS_PER_BATCH
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import FAULTS, LABELERS, VOTES
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.votes.labelers import Labeler, to_table

UNRESOLVED = pa.schema([pa.field("sample_id", pa.string(), nullable=False)])
"""The samples that a round is about."""

ANSWERS = "answers.sqlite"
"""Where judges' answers are kept, beside the run folders."""

ROUNDS = (("judges", ("judge", "rule", "feedback")), ("annotators", ("annotator",)))
"""The later rounds in their order, with the kinds of labelers that vote in each."""


class Voter(Protocol):
    """Somebody who votes on what is unresolved: a judge, a group of annotators, recorded votes."""

    def labelers(self) -> Sequence[Labeler]:
        """Return who votes, all of one kind."""

    def options(self) -> Any:
        """Return everything that the votes follow from, besides the rows, as JSON values."""

    def vote(self, rows: "RoundRows") -> Iterator[tuple[pa.Table, pa.Table]]:
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

    def vote(self, rows: "RoundRows") -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield its votes on each batch of unresolved rows."""
        yield from map(self.recorded.votes_on, rows.unresolved())

    def facts(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Round:
    """What a later round did; counts are of samples unless they say otherwise.

    Attributes:
        round: Its name.
        n_unresolved: Samples that it was asked about.
        n_asked_rows: ... and their rows.
        n_votes: The votes that it added.
        n_resolved: Samples that the aggregate after it has resolved.
    """

    round: str
    n_unresolved: int
    n_asked_rows: int
    n_votes: int
    n_resolved: int


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

    def vote(self, rows: "RoundRows") -> Iterator[tuple[pa.Table, pa.Table]]:
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


def aggregate_in_rounds(
    context: Context, voters: Sequence[Voter], check: Callable[[Context], None]
) -> StepResult:
    """Do the later rounds, then the aggregate whose labels count.

    Args:
        context: A run whose cheap labelers have voted.
        voters: Who is asked only about what is unresolved.
        check: Called after each round, to stop when a labeler failed too often.
    """
    asked: list[tuple[str, str]] = []
    for name, kinds in ROUNDS:
        group = [voter for voter in voters if voter.labelers()[0].kind in kinds]
        if group:
            provisional = f"provisional_{len(asked) + 1}"
            aggregate(context, provisional)
            _ask(context, name, group, provisional)
            check(context)
            asked.append((name, provisional))
    if context.pipeline.file.label.humans is not None:
        provisional = f"provisional_{len(asked) + 1}"
        aggregate(context, provisional)
        ask_annotators(context, provisional)
        asked.append(("humans", provisional))
    final = aggregate(context)
    if asked:
        final.facts["rounds"] = [asdict(one) for one in _rounds(context, asked)]
    return final


def _ask(context: Context, name: str, voters: Sequence[Voter], provisional: str) -> StepResult:
    """Let voters vote on the rows of unresolved samples, into a block of their own."""
    unresolved = context.pipeline.file.label.unresolved
    options = {
        "voters": [voter.options() for voter in voters],
        "unresolved": unresolved.model_dump(mode="json"),
    }

    def work(folder: Path) -> Outcome:
        n_unresolved = _write_unresolved(context, folder, provisional, unresolved)
        labelers = to_table(labeler for voter in voters for labeler in voter.labelers())
        key = hash_value([options, context.done[provisional].outputs_hash, context.done["read"].outputs_hash])
        faults: list[pa.Table] = []
        counts = {"n_rows": 0, "n_unresolved": n_unresolved, "n_votes": 0, "n_faults": 0}

        rows = RoundRows(context, folder)
        counts["n_rows"] = rows.n_unresolved()

        def voted() -> Iterator[pa.Table]:
            for voter in voters:
                for votes, failed in voter.vote(rows):
                    faults.append(failed)
                    counts["n_votes"] += votes.num_rows
                    counts["n_faults"] += failed.num_rows
                    yield votes

        blocks = {
            "votes": context.log.append("votes", key, VOTES, voted()),
            "faults": context.log.append("faults", key, FAULTS, faults),
            "labelers": context.log.append("labelers", key, LABELERS, [labelers]),
        }
        names = {kind: [path.name] for kind, path in blocks.items()}
        told = {name: fact for voter in voters for name, fact in voter.facts().items()}
        again = any(fact.get("n_passing") for fact in told.values())
        facts = {"blocks": names, "judges": told}
        return Outcome(counts, facts, elsewhere=list(blocks.values()), again=again)

    return context.do(name, work, options=options, after=["read", "prepare", provisional])


def _write_unresolved(context: Context, folder: Path, provisional: str, options: UnresolvedOptions) -> int:
    """Write the samples without a label, or with one that the aggregate is not sure of."""
    with database(folder) as con:
        add_view(con, "labels", context.path(provisional, "labels.parquet"))
        low, high = options.between
        query = (
            "SELECT sample_id FROM labels WHERE label IS NULL OR (decided_by = 'aggregate' "  # noqa: S608 - two numbers
            f"AND p_desirable BETWEEN {float(low)!r} AND {float(high)!r}) "
            + ("" if not options.no_evidence else "OR decided_by = 'no_evidence' ")
            + "ORDER BY sample_id"
        )
        return write_parquet(folder / "unresolved.parquet", UNRESOLVED, read_query(con, query))


@dataclass(frozen=True, slots=True)
class RoundRows:
    """The rows that the voters of a round may be shown, as often as they ask.

    Attributes:
        context: The run.
        folder: The round's folder, in which its unresolved samples are listed.
    """

    context: Context
    folder: Path

    def n_unresolved(self) -> int:
        """Return the number of rows whose sample is unresolved."""
        with self._database() as con:
            [(count,)] = con.execute(
                "SELECT count(*) FROM rows SEMI JOIN unresolved USING (sample_id)"
            ).fetchall()
        return int(count)

    def unresolved(self, *, once: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield the rows whose sample is unresolved; with `once`, one row a sample."""
        yield from self._read("SELECT * FROM rows SEMI JOIN unresolved USING (sample_id)", once=once)

    def all(self, *, once: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield every row that goes on, with a column `unresolved`; with `once`, one row a sample."""
        flagged = "sample_id IN (SELECT sample_id FROM unresolved) AS unresolved"
        yield from self._read(f"SELECT *, {flagged} FROM rows SEMI JOIN kept USING (sample_id)", once=once)  # noqa: S608 - ours

    def _read(self, query: str, *, once: bool) -> Iterator[pa.RecordBatch]:
        first = " WHERE row_id IN (SELECT min(row_id) FROM rows GROUP BY sample_id)" if once else ""
        with self._database() as con:
            yield from read_query(con, f"{query}{first} ORDER BY row_id", batch_rows=ROWS_PER_BATCH)

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with database(self.folder) as con:
            add_view(con, "rows", self.context.rows)
            add_view(con, "kept", self.context.path("prepare", "kept.parquet"))
            add_view(con, "unresolved", self.folder / "unresolved.parquet")
            yield con


def _rounds(context: Context, asked: Sequence[tuple[str, str]]) -> Iterator[Round]:
    after = [provisional for _, provisional in asked[1:]] + ["aggregate"]
    for (name, _), following in zip(asked, after, strict=True):
        counts = context.done[name].counts
        unresolved = pq.read_table(context.path(name, "unresolved.parquet"))["sample_id"].to_pylist()
        labels = pq.read_table(context.path(following, "labels.parquet"), columns=["sample_id", "label"])
        decided = {
            sample
            for sample, label in zip(
                labels["sample_id"].to_pylist(), labels["label"].to_pylist(), strict=True
            )
            if label is not None
        }
        n_resolved = sum(sample in decided for sample in unresolved)
        yield Round(name, counts["n_unresolved"], counts["n_rows"], counts["n_votes"], n_resolved)
