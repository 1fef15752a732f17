"""A Parquet file cut into pieces for workers, and read in batches whose memory has a bound."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PIECE_ROWS = 20_000
"""Rows that a worker takes at a time, at least: row groups are read whole."""

_LARGE_GROUP_ROWS = 100_000
_BATCH_ROWS = 2_500
_BATCH_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file.

    Attributes:
        file: Number of the file.
        groups: Its row groups.
        first: Number of the groups' first row in the file.
        start: The first row of the groups that belongs to the piece.
        stop: The one after the last.
    """

    file: int
    groups: tuple[int, ...]
    first: int
    start: int
    stop: int


def pieces(path: Path, file: int, workers: int) -> list[Piece]:
    """Cut a file into pieces, in order; a very large row group is shared by the workers."""
    metadata = pq.read_metadata(path)
    cut: list[Piece] = []
    groups: list[int] = []
    first = n_rows = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        n_rows += metadata.row_group(group).num_rows
        if n_rows >= PIECE_ROWS or group == metadata.num_row_groups - 1:
            # whoever reads the end of a group has to decode its beginning, so the shares are few
            shares = workers if n_rows >= _LARGE_GROUP_ROWS else 1
            edges = [n_rows * share // shares for share in range(shares + 1)]
            cut += (
                Piece(file, tuple(groups), first, start, stop) for start, stop in itertools.pairwise(edges)
            )
            groups, first, n_rows = [], first + n_rows, 0
    return cut


def read_piece(path: Path, piece: Piece, columns: list[str] | None) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of a piece in batches, each with the number of its first row in the file."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as parquet:
        about = [parquet.metadata.row_group(group) for group in piece.groups]
        n_bytes = sum(group.total_byte_size for group in about)
        n_rows = max(1, sum(group.num_rows for group in about))
        size = max(1, min(_BATCH_ROWS, _BATCH_BYTES * n_rows // max(1, n_bytes)))
        at = 0
        for batch in parquet.iter_batches(
            size, row_groups=list(piece.groups), columns=columns, use_threads=False
        ):
            start, stop = max(piece.start - at, 0), min(piece.stop - at, batch.num_rows)
            if start < stop:
                yield piece.first + at + start, batch.slice(start, stop - start)
            at += batch.num_rows
            if at >= piece.stop:
                return
