"""rules and recorded: let labelers vote, into the run's vote log."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import FindingsError
from kto_data.labelers.recorded import RecordedVotes, label_recorded
from kto_data.labelers.rules.engine import label_batch
from kto_data.pipeline.context import Context
from kto_data.pipeline.spec import Pipeline
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import FAULTS, LABELERS, VOTES, rule_votes_schema
from kto_data.tables import add_view, database, read_query
from kto_data.votes.labelers import to_table

ROWS_PER_BATCH = 1024
"""Rows that labelers see at a time; with their texts in memory."""


VOTING_STEPS = ("rules", "recorded", "judges", "annotators")
"""The steps that add votes to the log, in their order; a run has those that its pipeline asks for."""


def label_by_rules(context: Context) -> StepResult:
    """Let the rules vote: one wide block."""
    rules = context.pipeline.rules
    labelers = rules.labelers()
    schema = rule_votes_schema([rule.id for rule in rules.rules])
    versions = labelers.select(["labeler", "version"]).to_pylist()

    def work(folder: Path) -> Outcome:
        key = hash_value([versions, context.done["prepare"].outputs_hash, context.done["read"].outputs_hash])
        faults: list[pa.Table] = []
        counts = {"n_rows": 0, "n_faults": 0}

        def voted() -> Iterator[pa.RecordBatch]:
            for batch in _rows(context, folder):
                result = label_batch(rules, batch)
                faults.append(result.faults)
                counts["n_rows"] += batch.num_rows
                counts["n_faults"] += result.faults.num_rows
                context.run.progress.advanced(batch.num_rows)
                yield result.votes

        blocks = {
            "rules": context.log.append("rules", key, schema, voted()),
            "faults": context.log.append("faults", key, FAULTS, faults),
            "labelers": context.log.append("labelers", key, LABELERS, [labelers]),
        }
        return _outcome(counts, blocks)

    # the definitions, with the contents of the lists that they name, stand in the labelers' table
    return context.do("rules", work, options=labelers.to_pylist(), after=["read", "prepare"])


def label_by_record(context: Context) -> StepResult:
    """Take over the votes that stand in the input: thumbs, and recorded rules, judges and annotators."""
    labelers = recorded_labelers(context.pipeline)

    def work(folder: Path) -> Outcome:
        key = hash_value([options, context.done["prepare"].outputs_hash, context.done["read"].outputs_hash])
        faults: list[pa.Table] = []
        counts = {"n_rows": 0, "n_votes": 0, "n_faults": 0}

        def counted() -> Iterator[pa.RecordBatch]:
            for batch in _rows(context, folder):
                counts["n_rows"] += batch.num_rows
                context.run.progress.advanced(batch.num_rows)
                yield batch

        def voted() -> Iterator[pa.Table]:
            for votes, failed in label_recorded(labelers, counted()):
                faults.append(failed)
                counts["n_votes"] += votes.num_rows
                counts["n_faults"] += failed.num_rows
                yield votes

        blocks = {
            "votes": context.log.append("votes", key, VOTES, voted()),
            "faults": context.log.append("faults", key, FAULTS, faults),
            "labelers": context.log.append(
                "labelers", key, LABELERS, [to_table(labeler.as_labeler() for labeler in labelers)]
            ),
        }
        return _outcome(counts, blocks)

    options = [labeler.model_dump(mode="json") for labeler in labelers]
    return context.do("recorded", work, options=options, after=["read", "prepare"])


def recorded_labelers(pipeline: Pipeline) -> list[RecordedVotes]:
    """Return the labelers whose votes stand in the input and are taken over wherever there are any."""
    label = pipeline.file.label
    thumbs = [label.feedback.thumbs.as_recorded()] if label.feedback.thumbs else []
    return [*thumbs, *(one for one in label.recorded if one.when == "always")]


def check_faults(context: Context) -> None:
    """Stop when a labeler failed on too many rows.

    Raises:
        FindingsError: Naming each such labeler, with an example.
    """
    limit, n_rows = context.pipeline.file.limits.faults, n_labelled(context)
    found: dict[str, list[str]] = {}
    for block in context.blocks("faults"):
        for fault in pq.read_table(block).to_pylist():
            found.setdefault(fault["labeler"], []).append(f"{fault['row_id']}: {fault['error']}")
    over = [
        f"labeler {labeler!r} failed on {len(errors):,} of {n_rows:,} rows, over the limit of {limit:.1%} "
        f"(limits.faults); the first: {errors[0]}"
        for labeler, errors in found.items()
        if len(errors) > limit * n_rows
    ]
    if over:
        raise FindingsError("\n".join(over))


def n_labelled(context: Context) -> int:
    """Return the number of rows that labelers were asked about."""
    return max(
        (context.done[name].counts["n_rows"] for name in VOTING_STEPS if name in context.done), default=0
    )


def _rows(context: Context, folder: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows whose sample goes on: an exact duplicate's thumb still counts for its sample."""
    with database(folder) as con:
        add_view(con, "rows", context.path("read", "rows.parquet"))
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        query = "SELECT * FROM rows SEMI JOIN kept USING (sample_id) ORDER BY row_id"
        yield from read_query(con, query, batch_rows=ROWS_PER_BATCH)


def _outcome(counts: dict[str, int], blocks: dict[str, Path]) -> Outcome:
    names = {kind: [path.name] for kind, path in blocks.items()}
    return Outcome(counts, {"blocks": names}, elsewhere=list(blocks.values()))
