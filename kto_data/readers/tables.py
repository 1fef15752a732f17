"""The two tables that reading makes, written in batches to a temporary name and renamed when they are whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.readers.meta import Shape
from kto_data.schema import rows_schema

BATCH_ROWS = 8192
BATCH_BYTES = 32 * 2**20
"""A batch is written when it has this many rows or about this many bytes of text: the memory that reading takes."""


class TableWriter:
    """Writes rows to a Parquet file; the file is there only after a block that ends well.

    Args:
        path: The file.
        schema: Its columns.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + ".tmp")
        self._schema = schema
        self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd")
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self._n_rows = self._n_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
            self._writer.close()
            if kind is None:
                self._temporary.replace(self._path)
        finally:
            self._writer.close()  # also after a failed flush; a second time it does nothing
            self._temporary.unlink(missing_ok=True)

    def add(self, row: Mapping[str, Any], n_bytes: int) -> None:
        """Add a row.

        Args:
            row: A value for every column.
            n_bytes: About how much text it holds.
        """
        for name, values in self._columns.items():
            values.append(row[name])
        self._n_rows += 1
        self._n_bytes += n_bytes
        if self._n_rows >= BATCH_ROWS or self._n_bytes >= BATCH_BYTES:
            self._flush()

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows that are a batch already."""
        self._writer.write_batch(batch)

    def _flush(self) -> None:
        if not self._n_rows:
            return
        arrays = [pa.array(self._columns[field.name], type=field.type) for field in self._schema]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._columns = {name: [] for name in self._schema.names}
        self._n_rows = self._n_bytes = 0


def untyped_rows_schema() -> pa.Schema:
    """Return the schema of rows whose metadata is still JSON text: its type is known only after the last record."""
    schema = rows_schema()
    return schema.set(schema.get_field_index("meta"), pa.field("meta", pa.string()))


def type_metadata(untyped: Path, rows: Path, shape: Shape) -> pa.StructType:
    """Write rows with typed metadata from rows with JSON text, batch by batch, and return the type."""
    meta_type = shape.meta_type()
    schema = rows_schema(meta_type)
    convert = shape.meta_converter()
    with pq.ParquetFile(untyped) as source, TableWriter(rows, schema) as writer:
        index = schema.get_field_index("meta")
        for group in range(source.num_row_groups):
            batch = source.read_row_group(group, use_threads=False).combine_chunks()
            texts = batch.column(index).to_pylist()
            values = [convert(json.loads(text)) if meta_type.num_fields else None for text in texts]
            columns = [column for i, column in enumerate(batch.columns) if i != index]
            columns.insert(index, pa.array(values, type=schema.field(index).type))
            for part in pa.Table.from_arrays(columns, schema=schema).to_batches():
                writer.add_batch(part)
    return meta_type
