"""Parquet, read in small batches. Values that JSON does not know become texts: times as ISO, decimals, bytes."""

import base64
import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.readers.byte_file import ByteFile
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.record import Record, Unreadable

_BATCH_BYTES = 8 * 2**20
_MAX_BATCH_ROWS = 1024
_READ_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError)


@CONTAINERS.register("parquet")
class Parquet:
    """Parquet, by its first bytes or its extension."""

    def fits(self, file: ByteFile, head: bytes) -> bool:
        """Return whether the file starts as Parquet, or is named so."""
        return head.startswith(b"PAR1") or file.extension in ("parquet", "pq")

    def columns(self, file: ByteFile) -> list[str] | None:
        """Return the names of the columns."""
        if file.gzipped:
            raise FileProblemError("a gzipped Parquet file cannot be read in parts; unpack it")
        with _open(file) as parquet:
            names = list(parquet.schema_arrow.names)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise FileProblemError(f"it has a column twice: {', '.join(map(repr, twice))}")
        return names

    def records(self, file: ByteFile) -> Iterator[Record | Unreadable]:
        """Yield every row; of a damaged row group, each row that is lost."""
        with _open(file) as parquet:
            done = 0
            for group in range(parquet.num_row_groups):
                about = parquet.metadata.row_group(group)
                end = done + about.num_rows
                bytes_a_row = max(1, about.total_byte_size // max(1, about.num_rows))
                size = max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES // bytes_a_row))
                try:
                    for batch in parquet.iter_batches(batch_size=size, row_groups=[group], use_threads=False):
                        yield from as_records(batch, done)
                        done += batch.num_rows
                except _READ_ERRORS as error:
                    detail = f"row group {group + 1} is damaged: {error}"
                    for number in range(done + 1, end + 1):
                        yield Unreadable(number, "damaged_parquet", detail)
                done = end


def _open(file: ByteFile) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise FileProblemError(f"not a Parquet file that can be read: {error}") from None


def as_records(batch: pa.RecordBatch, done: int) -> list[Record | Unreadable]:
    """Return the rows of a batch that begins after `done` others; one by one where a value of it cannot be converted."""
    batch = _without_nanoseconds(batch)
    odd = [field.name for field in batch.schema if not is_json(field.type)]
    try:
        values = batch.to_pylist()
    except _READ_ERRORS as error:
        if batch.num_rows == 1:
            reason = "not_utf8" if isinstance(error, UnicodeDecodeError) else "wrong_type"
            return [Unreadable(done + 1, reason, f"a value cannot be converted: {error}")]
        return [record for i in range(batch.num_rows) for record in as_records(batch.slice(i, 1), done + i)]
    for value in values:
        for name in odd:
            value[name] = _plain(value[name])
    return [Record(done + i, value) for i, value in enumerate(values, start=1)]


def _without_nanoseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with nanosecond times cut to microseconds, which is what Python has."""
    for i, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            to = pa.timestamp("us", tz=field.type.tz)
            batch = batch.set_column(i, field.name, batch.column(i).cast(to, safe=False))
    return batch


def is_json(kind: pa.DataType) -> bool:
    """Return whether every value of a type is one of JSON."""
    if pa.types.is_struct(kind):
        return all(is_json(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return is_json(kind.value_type)
    types = pa.types
    return bool(
        types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_null(kind)
    )


def _plain(value: Any) -> Any:
    """Return a value of Python as one of JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, Decimal | datetime.timedelta):
        return str(value)
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
