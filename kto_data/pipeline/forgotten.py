"""The rows that a run leaves out for good, because somebody asked for it (`kto forget`): ids and hashes alone."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.runs.files import write_json
from kto_data.tables import write_parquet

FORGOTTEN = "forgotten.json"

Row = tuple[str, str]
"""row_id and sample_id as they were read: a row's number alone may be another row's when the input has been cleaned."""


def forgotten_rows(run: Path) -> frozenset[Row]:
    """Return the rows that a run leaves out.

    Raises:
        InputError: The list cannot be read: then nothing may be, either.
    """
    path = run / FORGOTTEN
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return frozenset((str(row_id), str(sample_id)) for row_id, sample_id in listed)
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: is damaged, so what to leave out is not known; restore it from a backup"
        ) from None


def add_forgotten(run: Path, rows: Iterable[Row]) -> None:
    """Put rows on the list."""
    write_json(run / FORGOTTEN, {"rows": sorted(forgotten_rows(run) | set(rows))})


def leave_out(rows: Path, forgotten: frozenset[Row]) -> int:
    """Take forgotten rows out of a file of rows, and return their number."""
    if not forgotten:
        return 0
    n_gone = 0
    file = pq.ParquetFile(rows)

    def kept() -> Iterable[pa.RecordBatch]:
        nonlocal n_gone
        for batch in file.iter_batches(1024):
            pairs = zip(batch["row_id"].to_pylist(), batch["sample_id"].to_pylist(), strict=True)
            keep = pa.array([pair not in forgotten for pair in pairs], pa.bool_())
            chosen = batch.filter(keep)
            n_gone += batch.num_rows - chosen.num_rows
            yield chosen

    with file:
        write_parquet(rows, file.schema_arrow, kept())
    return n_gone
