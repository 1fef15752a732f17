"""Parquet files as DuckDB views, and queries as Parquet files whose bytes follow from their rows alone."""

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import duckdb

ROWS_PER_BATCH = 16_384
"""Rows that a query hands over at a time where they hold only ids."""


@contextmanager
def database(scratch: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open an empty DuckDB that spills into `scratch`, an existing folder, and never loads an extension."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix=".spill-", dir=scratch) as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": folder,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        with duckdb.connect(config=config) as connection:
            # else each scan holds all the texts of a row group, as if its file were far away
            connection.execute("SET disable_parquet_prefetching = true")
            yield connection


def add_view(connection: "duckdb.DuckDBPyConnection", name: str, files: Path | Sequence[Path]) -> None:
    """Name Parquet files as one view; their names are taken literally, whatever characters they hold."""
    paths = [files] if isinstance(files, Path) else files
    connection.read_parquet([glob.escape(str(path)) for path in paths]).create_view(name)


def read_query(
    connection: "duckdb.DuckDBPyConnection", query: str, *, batch_rows: int = ROWS_PER_BATCH
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query in batches of at most `batch_rows`."""
    yield from connection.sql(query).to_arrow_reader(batch_rows)


@contextmanager
def joins_as_written(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Keep the right side of each join of the queries started here in memory, and stream the left one.

    Of views DuckDB does not know the size, and may hold the texts of all rows to look up a number for each.
    """
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")


def write_parquet(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, group_rows: int = 65_536
) -> int:
    """Write batches as one zstd Parquet file that appears whole or not at all, and return its rows.

    Row groups are cut at `group_rows` however the batches were cut, so equal rows in equal order give equal bytes.
    """
    partial = path.with_name(f".{path.name}.partial")
    n_rows = 0
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for table in regroup(batches, group_rows):
            writer.write_table(table.cast(schema), row_group_size=group_rows)
            n_rows += table.num_rows
    os.replace(partial, path)
    return n_rows


def regroup(batches: Iterable[pa.RecordBatch], n_rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly `n_rows`; only the last may be smaller, and none is empty."""
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        start = 0
        while n_waiting + batch.num_rows - start >= n_rows:
            taken = n_rows - n_waiting
            yield pa.Table.from_batches([*waiting, batch.slice(start, taken)]).combine_chunks()
            waiting, n_waiting, start = [], 0, start + taken
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            n_waiting += batch.num_rows - start
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()
