"""aggregate: the votes become labels."""

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.aggregators.policy import decide
from kto_data.curation.run import KEPT
from kto_data.pipeline.context import Context
from kto_data.pipeline.steps.label import n_labelled
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.votes.labelers import from_files
from kto_data.votes.summary import summarise
from kto_data.votes.table import VoteTable, load_votes


def aggregate(context: Context) -> StepResult:
    """Write `labels.parquet` for every sample, and `decided.parquet` with the rows that have a label."""
    pipeline = context.pipeline

    def work(folder: Path) -> Outcome:
        votes = run_votes(context)
        labels = decide(votes, pipeline.method, pipeline.policy)
        write_parquet(folder / "labels.parquet", labels.schema, labels.to_batches())
        n_decided = _write_decided(context, folder)
        summaries = summarise(
            votes,
            n_rows=n_labelled(context),
            rule_blocks=context.blocks("rules"),
            vote_blocks=context.blocks("votes"),
            fault_blocks=context.blocks("faults"),
        )
        context.run.progress.advanced(labels.num_rows)
        counts = {
            "n_rows": n_decided,
            "n_undecided": context.done["prepare"].counts["n_rows"] - n_decided,
            "n_samples": labels.num_rows,
            "n_desirable": pc.sum(labels["label"]).as_py() or 0,
            "n_undecided_samples": labels["label"].null_count,
        }
        decided_by = pc.value_counts(labels["decided_by"].combine_chunks()).to_pylist()
        facts = {
            "decided_by": {item["values"]: item["counts"] for item in decided_by},
            "labelers": [asdict(summary) for summary in summaries],
            "n_unknown_votes": votes.n_unknown,
        }
        return Outcome(counts, facts)

    options = {
        "method": type(pipeline.method).__name__,
        "options": pipeline.method.model_dump(mode="json"),
        "policy": pipeline.policy.model_dump(mode="json"),
    }
    return context.do("aggregate", work, options=options, after=["read", "prepare", "rules", "recorded"])


def run_votes(context: Context) -> VoteTable:
    """Return the votes of this run's labelers on the samples that prepare kept."""
    return load_votes(
        from_files(context.blocks("labelers")),
        samples=context.path("prepare", "kept.parquet"),
        rows=context.path("read", "rows.parquet"),
        rule_blocks=context.blocks("rules"),
        vote_blocks=context.blocks("votes"),
    )


def _write_decided(context: Context, folder: Path) -> int:
    with database(folder) as con:
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        add_view(con, "labels", folder / "labels.parquet")
        query = (
            "SELECT row_id, sample_id FROM kept "
            "SEMI JOIN (FROM labels WHERE label IS NOT NULL) USING (sample_id) ORDER BY row_id"
        )
        batches: list[pa.RecordBatch] = list(read_query(con, query))
    return write_parquet(folder / "decided.parquet", KEPT, batches)


def read_labels(context: Context) -> pa.Table:
    """Return the labels of the run."""
    return pq.read_table(context.path("aggregate", "labels.parquet"))
