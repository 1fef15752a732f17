"""The folder of immutable vote blocks: append-only, outside the step folders, never rewritten.

A block's name holds the hash of everything that its votes follow from, so writing the same votes
again changes nothing, and superseded votes (an older version of a rule) stay in the log.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

Kind = Literal["rules", "votes", "labelers", "faults"]
"""`rules`: wide blocks of rule votes; `votes`: all others, long; `labelers`: definitions; `faults`: failures."""


class VoteLog:
    """A run's vote log.

    Args:
        folder: Made when it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def append(
        self, kind: Kind, key: str, schema: pa.Schema, tables: Iterable[pa.Table | pa.RecordBatch]
    ) -> Path:
        """Write a block as a stream and return its path; it appears whole or not at all.

        Args:
            kind: What the block holds.
            key: A hash of everything that its content follows from.
            schema: Its schema.
            tables: Its content in pieces.
        """
        path = self.folder / f"{kind}-{key[:16]}.parquet"
        partial = path.with_name(f".{path.name}.partial")
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for table in tables:
                if isinstance(table, pa.RecordBatch):
                    writer.write_batch(table.cast(schema))
                else:
                    writer.write_table(table.cast(schema))
        os.replace(partial, path)
        return path
