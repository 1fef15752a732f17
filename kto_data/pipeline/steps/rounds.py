"""The rounds of labelling: cheap labelers first, then judges and annotators on what is still unresolved.

    rules, recorded -> provisional -> judges -> provisional -> annotators -> provisional -> humans -> aggregate

Who votes in a later round is a `Voter`; most are asked only about rows whose sample the aggregate before
it left unresolved (`humans`, whom a batch is sent to, about a sample of all). A run without such voters has no provisional aggregate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.pipeline.context import Context
from kto_data.pipeline.sections.label import UnresolvedOptions
from kto_data.pipeline.steps.aggregate import aggregate
from kto_data.pipeline.steps.humans import ask_annotators
from kto_data.pipeline.steps.round_rows import RoundRows
from kto_data.pipeline.steps.voters import Voter
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import FAULTS, LABELERS, VOTES
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.votes.labelers import to_table

UNRESOLVED = pa.schema([pa.field("sample_id", pa.string(), nullable=False)])
"""The samples that a round is about."""

ROUNDS = (("judges", ("judge", "rule", "feedback")), ("annotators", ("annotator",)))
"""The later rounds in their order, with the kinds of labelers that vote in each."""


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
