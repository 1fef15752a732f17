"""answers and read, in later rounds: the trained model answers training prompts, and its answers become rows."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.curation.split import SPLIT
from kto_data.pipeline.context import Context
from kto_data.pipeline.evaluation.generated import as_rows
from kto_data.pipeline.evaluation.measure import MACHINE_OPTIONS
from kto_data.pipeline.trainer import as_flags, call_trainer
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.tables import add_view, database, read_query, write_parquet

_ROWS_PER_BATCH = 1024


def answer(context: Context, before: Context) -> StepResult:
    """Let the model of the round before answer the prompts that it was trained on: `generations.parquet`.

    Args:
        context: The round.
        before: The round before, which is done.
    """
    pipeline = context.pipeline
    assert pipeline.train is not None
    rounds = pipeline.file.rounds
    how = {
        **pipeline.train.model_dump(mode="json", include=set(MACHINE_OPTIONS)),
        "limit": rounds.prompts,
        "max_new_tokens": rounds.max_new_tokens,
        "temperature": rounds.temperature,
        "seed": (pipeline.file.seed + context.round) % 2**63,
    }

    def work(folder: Path) -> Outcome:
        arguments: list[str | Path] = ["--data", before.path("write", "dataset"), "--split", "train"]
        arguments += ["--model", before.path("train", "train/checkpoint")]
        arguments += ["--output", folder / "generations.parquet"]
        told = call_trainer("generate", [*arguments, *as_flags(how)], context.run.progress.said)
        context.run.progress.advanced(told["n_prompts"])
        return Outcome({"n_rows": told["n_prompts"]}, {"n_tokens": told["n_tokens"]})

    after = {name: before.done[name].outputs_hash for name in ("write", "train")}
    return context.do("answers", work, options={**how, "after": after}, packages=("kto_trainer",))


def read_with_answers(context: Context, before: Context) -> StepResult:
    """Write `rows.parquet`: the rows of the round before, and the answers as rows of a source of their own."""

    def work(folder: Path) -> Outcome:
        rows = before.path("read", "rows.parquet")
        schema = pq.read_schema(rows)
        answers = as_rows(
            pq.read_table(context.path("answers", "generations.parquet")), source=source_of(context.round)
        )
        added = _of_schema(answers, schema)

        def both() -> Iterator[pa.RecordBatch]:
            for batch in pq.ParquetFile(rows).iter_batches(_ROWS_PER_BATCH):
                context.run.progress.advanced(batch.num_rows)
                yield batch
            yield from added.to_batches()

        write_parquet(folder / "rows.parquet", schema, both())
        quarantined = pq.read_table(before.path("read", "quarantined.parquet"))
        write_parquet(folder / "quarantined.parquet", quarantined.schema, quarantined.to_batches())
        earlier = before.done["read"]
        counts = dict(earlier.counts)
        for name in ("n_records", "n_rows"):
            counts[name] += added.num_rows
        return Outcome(counts, earlier.facts)

    options = {"round": context.round, "before": before.done["read"].outputs_hash}
    return context.do("read", work, options=options, after=["answers"])


def split_as_before(context: Context, before: Context) -> StepResult:
    """Write `split.parquet`: every row where it was in the round before, and the answers to train on."""

    def work(folder: Path) -> Outcome:
        with database(folder) as con:
            add_view(con, "kept", context.path("prepare", "kept.parquet"))
            add_view(con, "before", before.path("split", "split.parquet"))
            query = (
                "SELECT row_id, coalesce(before.split, 'train') AS split "
                "FROM kept LEFT JOIN before USING (row_id) ORDER BY row_id"
            )
            n_rows = write_parquet(folder / "split.parquet", SPLIT, read_query(con, query))
            add_view(con, "sides", folder / "split.parquet")
            [(n_train,)] = con.execute("SELECT count(*) FROM sides WHERE split = 'train'").fetchall()
        context.run.progress.advanced(n_rows)
        proof = {**before.done["split"].facts["proof"], "n_train": n_train, "n_test": n_rows - n_train}
        return Outcome({"n_rows": n_rows}, {"proof": proof})

    options = {"before": hash_value(before.done["split"].outputs_hash)}
    return context.do("split", work, options=options, after=["prepare"])


def source_of(number: int) -> str:
    """Return the source of a round's answers.

    >>> source_of(2)
    'round-2'
    """
    return f"round-{number}"


def _of_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the columns and metadata fields of others; what they lack is null."""
    columns = [
        rows[field.name].cast(field.type) if field.name != "meta" else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
