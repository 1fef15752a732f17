"""rules and recorded: let labelers vote, into the run's vote log."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import FindingsError
from kto_data.labelers.recorded import RecordedVotes, label_recorded
from kto_data.labelers.rules.fast.workers import RowsSource, label_source
from kto_data.labelers.rules.rule import RuleSet
from kto_data.pipeline.context import Context
from kto_data.pipeline.spec import Pipeline
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import FAULTS, LABELERS, VOTES, rule_votes_schema
from kto_data.tables import add_view, database, read_query, regroup
from kto_data.votes.labelers import to_table

ROWS_PER_BATCH = 1024
"""Rows that labelers see at a time; with their texts in memory."""

_ROWS_PER_GROUP = 65_536


VOTING_STEPS = ("rules", "recorded", "judges", "annotators", "humans")
"""The steps that add votes to the log, in their order; a run has those that its pipeline asks for."""


def label_by_rules(context: Context) -> StepResult:
    """Let the rules vote: one wide block."""
    rules = context.pipeline.rules
    labelers = rules.labelers()
    schema = rule_votes_schema([rule.id for rule in rules.rules])
    versions = labelers.select(["labeler", "version"]).to_pylist()

    def work(folder: Path) -> Outcome:
        key = hash_value([versions, context.done["prepare"].outputs_hash, context.done["read"].outputs_hash])
        with TemporaryDirectory(prefix=".rules-", dir=folder) as name, database(folder) as con:
            scratch = Path(name)
            counts = _vote(context, rules, scratch)
            add_view(con, "votes", scratch / "votes.parquet")
            add_view(con, "faults", scratch / "faults.parquet")
            votes = read_query(con, "SELECT * FROM votes ORDER BY row_id")
            faults = read_query(con, "SELECT row_id, labeler, error FROM faults ORDER BY row_id, number")
            blocks = {
                "rules": context.log.append("rules", key, schema, regroup(votes, _ROWS_PER_GROUP)),
                "faults": context.log.append("faults", key, FAULTS, regroup(faults, _ROWS_PER_GROUP)),
                "labelers": context.log.append("labelers", key, LABELERS, [labelers]),
            }
        return _outcome(counts, blocks)

    # the definitions, with the contents of the lists that they name, stand in the labelers' table
    return context.do("rules", work, options=labelers.to_pylist(), after=["read", "prepare"])


def _vote(context: Context, rules: RuleSet, scratch: Path) -> dict[str, int]:
    """Write the rules' votes and faults in the order of the rows, and return their numbers."""
    counts = {"n_rows": 0, "n_faults": 0}
    source = RowsSource(context.rows, _kept(context, scratch))
    numbered = FAULTS.append(pa.field("number", pa.int64()))
    with (
        pq.ParquetWriter(scratch / "votes.parquet", rule_votes_schema(rules.ids)) as votes,
        pq.ParquetWriter(scratch / "faults.parquet", numbered) as faults,
    ):
        for part in label_source(rules, source, workers=os.cpu_count() or 1, scratch=scratch):
            votes.write_table(part.votes)
            numbers = pa.array(
                range(counts["n_faults"], counts["n_faults"] + part.faults.num_rows), pa.int64()
            )
            faults.write_table(part.faults.append_column("number", numbers).cast(numbered))
            counts["n_rows"] += part.votes.num_rows
            counts["n_faults"] += part.faults.num_rows
            context.run.progress.advanced(part.votes.num_rows)
    return counts


def _kept(context: Context, scratch: Path) -> Path:
    """Write which rows' sample goes on, one byte a row in their order."""
    with database(scratch) as con:
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        rows = con.read_parquet(glob.escape(str(context.rows)), file_row_number=True).select(
            "sample_id, file_row_number"
        )
        rows.create_view("rows")
        query = "SELECT sample_id IN (SELECT sample_id FROM kept) AS kept FROM rows ORDER BY file_row_number"
        chosen = [np.asarray(batch.column(0)) for batch in read_query(con, query)]
    path = scratch / "kept.npy"
    np.save(path, np.concatenate([np.zeros(0, dtype=bool), *chosen]))
    return path


def label_by_record(context: Context) -> StepResult:
    """Take over the votes that stand in the input: thumbs, and recorded rules, judges and annotators."""
    labelers = recorded_labelers(context.pipeline)

    def work(folder: Path) -> Outcome:
        key = hash_value([options, context.done["prepare"].outputs_hash, context.done["read"].outputs_hash])
        faults: list[pa.Table] = []
        counts = {"n_rows": 0, "n_votes": 0, "n_faults": 0, "n_votes_left_out": 0}

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
        left_out = label_recorded(labelers, _rows(context, folder, kept=False))
        counts["n_votes_left_out"] = sum(int(np.count_nonzero(votes["vote"])) for votes, _ in left_out)
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


def _rows(context: Context, folder: Path, *, kept: bool = True) -> Iterator[pa.RecordBatch]:
    """Yield the rows whose sample goes on (an exact duplicate's thumb still counts for its sample), or the others."""
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        query = f"SELECT * FROM rows {'SEMI' if kept else 'ANTI'} JOIN kept USING (sample_id) ORDER BY row_id"  # noqa: S608 - words of ours
        yield from read_query(con, query, batch_rows=ROWS_PER_BATCH)


def _outcome(counts: dict[str, int], blocks: dict[str, Path]) -> Outcome:
    names = {kind: [path.name] for kind, path in blocks.items()}
    return Outcome(counts, {"blocks": names}, elsewhere=list(blocks.values()))
