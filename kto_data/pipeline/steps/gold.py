"""gold: what is known to be right, for the aggregation to learn from and to be measured by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.columns import column_values
from kto_data.errors import InputError
from kto_data.pipeline.context import Context
from kto_data.pipeline.sections.known import GoldColumns, GoldFile
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import GOLD
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.votes.gold import merge_gold, read_gold

_ROWS_PER_BATCH = 1024

GOLD_STEPS = ("gold", "humans")
"""The steps that write gold; no sample is in both."""


def find_gold(context: Context) -> StepResult | None:
    """Write `gold.parquet`; None when the pipeline names no gold.

    Raises:
        InputError: The file cannot be read, or some samples have both labels.
    """
    spec = context.pipeline.file.gold
    if spec is None:
        return None

    def work(folder: Path) -> Outcome:
        if isinstance(spec, GoldFile):
            found, n_unknown = _from_file(context, spec, folder)
            counts = {"n_unknown": n_unknown}
        else:
            found, counts = _from_columns(context, spec, folder)
        gold = merge_gold(found)
        write_parquet(folder / "gold.parquet", GOLD, gold.to_batches())
        n_desirable = sum(gold["label"].to_pylist())
        return Outcome({"n_rows": gold.num_rows, "n_desirable": n_desirable, **counts})

    files = [_file_of(context, spec)] if isinstance(spec, GoldFile) else []
    return context.do(
        "gold", work, options=spec.model_dump(mode="json"), files=files, after=["read", "prepare"]
    )


def read_run_gold(context: Context) -> pa.Table | None:
    """Return the run's gold, with that of reviewers once they have answered; None where there is none."""
    files = [context.path(step, "gold.parquet") for step in GOLD_STEPS if step in context.done]
    return pa.concat_tables([pq.read_table(file) for file in files]) if files else None


def _file_of(context: Context, spec: GoldFile) -> Path:
    path = context.pipeline.folder / spec.file
    if not path.is_file():
        raise InputError(f"{path}: no such file (named by `gold.file`)")
    return path


def _from_columns(context: Context, spec: GoldColumns, folder: Path) -> tuple[pa.Table, dict[str, int]]:
    records: list[dict[str, Any]] = []
    n_unfitting = 0
    for batch in _kept_rows(context, folder):
        ids = zip(batch["row_id"].to_pylist(), batch["sample_id"].to_pylist(), strict=True)
        drawn = (
            column_values(batch, spec.p_selected_column)
            if spec.p_selected_column
            else [spec.p_selected] * batch.num_rows
        )
        for (row_id, sample_id), values, p_selected in zip(ids, spec.values(batch), drawn, strict=True):
            try:
                vote = spec.vote_on(values)
            except LookupError:
                n_unfitting += 1  # a value that is no verdict: nothing is known of this row
                continue
            if vote:
                records.append(
                    {
                        "sample_id": sample_id,
                        "label": vote > 0,
                        "source": row_id,
                        "p_selected": _probability(p_selected, row_id),
                    }
                )
    return pa.Table.from_pylist(records, schema=GOLD), {"n_unfitting": n_unfitting}


def _probability(value: object, row_id: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and 0 < value <= 1:
        return float(value)
    raise InputError(
        f"gold.p_selected_column: row {row_id}: a probability is above 0 and at most 1, not {value!r}"
    )


def _kept_rows(context: Context, folder: Path) -> Iterator[pa.RecordBatch]:
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        yield from read_query(
            con,
            "SELECT * FROM rows SEMI JOIN kept USING (sample_id) ORDER BY row_id",
            batch_rows=_ROWS_PER_BATCH,
        )


def _from_file(context: Context, spec: GoldFile, folder: Path) -> tuple[pa.Table, int]:
    """Return the gold of a file on the samples of this run, and how many of its ids no row has."""
    given = read_gold([_file_of(context, spec)], id_column=spec.id)
    if spec.id == "sample_id":
        key = "sample_id"
    else:
        key = "row_id" if spec.id == "row_id" else "substr(row_id, instr(row_id, '#') + 1)"
    pq.write_table(given, folder / "given.parquet")
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        add_view(con, "given", folder / "given.parquet")
        con.execute(
            f"CREATE TABLE ids AS SELECT DISTINCT {key} AS id, sample_id FROM rows SEMI JOIN kept USING (sample_id)"  # noqa: S608 - one of three constants
        )
        query = (
            "SELECT ids.sample_id, label, source || ': ' || id AS source, p_selected "
            "FROM given JOIN ids ON given.sample_id = ids.id ORDER BY ids.sample_id, id"
        )
        found = con.sql(query).to_arrow_table()
        [(n_unknown,)] = con.execute(
            "SELECT count(*) FROM given ANTI JOIN ids ON given.sample_id = ids.id"
        ).fetchall()
    (folder / "given.parquet").unlink()
    return found.cast(GOLD), int(n_unknown)
