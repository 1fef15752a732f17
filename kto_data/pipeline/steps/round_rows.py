"""The rows that the voters of a round of labelling may be shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from kto_data.pipeline.context import Context
from kto_data.pipeline.steps.label import ROWS_PER_BATCH
from kto_data.tables import add_view, database, read_query


@dataclass(frozen=True, slots=True)
class RoundRows:
    """The rows that the voters of a round may be shown, as often as they ask.

    Attributes:
        context: The run.
        folder: The round's folder, in which its unresolved samples are listed.
    """

    context: Context
    folder: Path

    def n_unresolved(self) -> int:
        """Return the number of rows whose sample is unresolved."""
        with self._database() as con:
            [(count,)] = con.execute(
                "SELECT count(*) FROM rows SEMI JOIN unresolved USING (sample_id)"
            ).fetchall()
        return int(count)

    def unresolved(self, *, once: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield the rows whose sample is unresolved; with `once`, one row a sample."""
        yield from self._read("SELECT * FROM rows SEMI JOIN unresolved USING (sample_id)", once=once)

    def all(self, *, once: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield every row that goes on, with a column `unresolved`; with `once`, one row a sample."""
        flagged = "sample_id IN (SELECT sample_id FROM unresolved) AS unresolved"
        yield from self._read(f"SELECT *, {flagged} FROM rows SEMI JOIN kept USING (sample_id)", once=once)  # noqa: S608 - ours

    def _read(self, query: str, *, once: bool) -> Iterator[pa.RecordBatch]:
        first = " WHERE row_id IN (SELECT min(row_id) FROM rows GROUP BY sample_id)" if once else ""
        with self._database() as con:
            yield from read_query(con, f"{query}{first} ORDER BY row_id", batch_rows=ROWS_PER_BATCH)

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with database(self.folder) as con:
            add_view(con, "rows", self.context.rows)
            add_view(con, "kept", self.context.path("prepare", "kept.parquet"))
            add_view(con, "unresolved", self.folder / "unresolved.parquet")
            yield con
