"""aggregate: the votes become labels."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.curation.run import KEPT
from kto_data.pipeline.context import Context
from kto_data.pipeline.decision import decide_all, gold_of, labelled, prompts_of
from kto_data.pipeline.steps.gold import read_run_gold
from kto_data.pipeline.steps.label import VOTING_STEPS, n_labelled
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import DISPUTES
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.votes.labelers import from_files
from kto_data.votes.summary import summarise
from kto_data.votes.table import VoteTable, load_votes


def aggregate(context: Context, name: str = "aggregate") -> StepResult:
    """Write `labels.parquet` for every sample, and `decided.parquet` with the rows that have a label.

    Args:
        context: The run.
        name: The step's name; a provisional aggregate has another, and makes no report cards.
    """
    pipeline = context.pipeline
    final = name == "aggregate"

    def work(folder: Path) -> Outcome:
        votes = run_votes(context)
        gold, n_unknown_gold = gold_of(
            read_run_gold(context),
            votes,
            prompts_of(context.rows, context.path("prepare", "kept.parquet"), folder),
        )
        decision = decide_all(
            votes,
            pipeline.method,
            pipeline.policy,
            gold=gold,
            n_unknown_gold=n_unknown_gold,
            vote_blocks=context.blocks("votes"),
            cards=final,
        )
        labels = decision.decided.labels
        write_parquet(folder / "labels.parquet", labels.schema, labels.to_batches())
        write_parquet(folder / "disputes.parquet", DISPUTES, decision.decided.disputes.to_batches())
        n_decided = _write_decided(context, folder)
        context.run.progress.advanced(labels.num_rows)
        told = labelled(labels)
        counts = {
            "n_rows": n_decided,
            "n_undecided": context.done["prepare"].counts["n_rows"] - n_decided,
            "n_samples": told["n_samples"],
            "n_desirable": told["n_desirable"],
            "n_undecided_samples": told["n_undecided"],
        }
        facts = {**decision.facts, "n_unknown_votes": votes.n_unknown}
        if final:
            facts["labelers"] = _labelers(context, votes, facts.pop("cards"))
        return Outcome(counts, facts)

    options = {
        "method": type(pipeline.method).__name__,
        "options": pipeline.method.model_dump(mode="json"),
        "policy": pipeline.policy.model_dump(mode="json"),
    }
    return context.do(name, work, options=options, after=["read", "prepare", "gold", *VOTING_STEPS])


def _labelers(context: Context, votes: VoteTable, cards: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    summaries = summarise(
        votes,
        n_rows=n_labelled(context),
        rule_blocks=context.blocks("rules"),
        vote_blocks=context.blocks("votes"),
        fault_blocks=context.blocks("faults"),
    )
    return [{**asdict(summary), "card": cards[summary.labeler]} for summary in summaries]


def run_votes(context: Context) -> VoteTable:
    """Return the votes of this run's labelers on the samples that prepare kept."""
    return load_votes(
        from_files(context.blocks("labelers")),
        samples=context.path("prepare", "kept.parquet"),
        rows=context.rows,
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
