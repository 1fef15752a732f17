"""Rows as judges see them, each with whether its sample is still unresolved."""

from collections.abc import Iterator

import pyarrow as pa

from kto_data.labelers.rules.row import Row, rows_of

UNRESOLVED_COLUMN = "unresolved"
"""A column beside those of `rows`: whether the labelers before left the sample open; without it all are."""


def flagged_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Row, bool]]:
    """Yield each row and whether its sample is unresolved."""
    for batch in batches:
        given = UNRESOLVED_COLUMN in batch.schema.names
        flags = batch.column(UNRESOLVED_COLUMN).to_pylist() if given else [True] * batch.num_rows
        yield from zip(rows_of(batch), flags, strict=True)
