"""Runs steps one after another over a rows file; what goes in comes out as kept or dropped, exactly once."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.curation.step import DROPS, PlannedStep, StepInput
from kto_data.schema import DROPPED, LABELS, VOTES
from kto_data.tables import add_view, database, read_query, write_parquet

KEPT = pa.schema(
    [pa.field("row_id", pa.string(), nullable=False), pa.field("sample_id", pa.string(), nullable=False)]
)
"""The rows that go on."""


@dataclass(frozen=True, slots=True)
class CurationResult:
    """The accounting: `n_rows == n_kept + n_dropped`.

    Attributes:
        n_rows: Rows that entered.
        n_kept: Rows that go on.
        dropped: Rows left out, by step and reason; a step that dropped nothing stands there, empty. Two steps of
            one name are counted together.
    """

    n_rows: int
    n_kept: int
    dropped: dict[str, dict[str, int]]

    @property
    def n_dropped(self) -> int:
        """All rows left out."""
        return sum(sum(reasons.values()) for reasons in self.dropped.values())


def run_steps(
    steps: Sequence[PlannedStep],
    *,
    rows: Path,
    kept: Path,
    dropped: Path,
    seed: int,
    among: Path | None = None,
    labels: Path | None = None,
    votes: Sequence[Path] = (),
    advance: Callable[[int], None] | None = None,
) -> CurationResult:
    """Run steps in their order; each sees what the ones before it kept.

    Both files are sorted (kept by row_id, dropped by step and row_id), so they do not depend on the order of rows.
    Keys are held per row: about 200 bytes, and they spill to disk.

    Args:
        steps: The steps.
        rows: Parquet with `rows_schema`.
        kept: Where to write the kept rows, as `KEPT`.
        dropped: Where to write the dropped rows, as `schema.DROPPED`.
        seed: Of whatever steps choose at random.
        among: Parquet with the `row_id`s to work on, such as the `kept` of an earlier run; all rows by default.
        labels: Parquet with `schema.LABELS`; needed if a step needs labels or votes.
        votes: Parquet files with `schema.VOTES`, each vote once; those with a row_id are about events.
        advance: Called after each step with the number of rows that it saw.
    """
    assert labels is not None or not any(planned.step.needs_labels for planned in steps), "parse_steps checks"
    with tempfile.TemporaryDirectory(prefix=".steps-", dir=kept.parent) as name, database(kept.parent) as con:
        scratch = Path(name)
        _add_views(con, scratch, rows=rows, among=among, labels=labels, votes=votes)
        given = StepInput(con, pq.read_schema(rows), seed)
        n_rows = n_left = _one_number(con, "SELECT count(*) FROM entered")
        for number, planned in enumerate(steps):
            table = planned.step.drop(given)
            _note(con, table, number, planned.name, scratch / f"{number}.parquet")
            if advance is not None:
                advance(n_left)
            n_left -= table.num_rows
        n_kept = write_parquet(
            kept, KEPT, read_query(con, "SELECT row_id, sample_id FROM rows ORDER BY row_id")
        )
        write_parquet(
            dropped,
            DROPPED,
            read_query(con, "SELECT row_id, step, reason, detail FROM left_out ORDER BY number, row_id"),
        )
        result = CurationResult(n_rows, n_kept, _counts(con, steps))
    assert result.n_rows == result.n_kept + result.n_dropped, (
        "a step dropped a row twice or one that was not there"
    )
    return result


def _add_views(
    con: duckdb.DuckDBPyConnection,
    scratch: Path,
    *,
    rows: Path,
    among: Path | None,
    labels: Path | None,
    votes: Sequence[Path],
) -> None:
    add_view(con, "all_rows", rows)
    if among is not None:
        add_view(con, "among", among)
    con.execute(f"CREATE VIEW entered AS FROM all_rows {'SEMI JOIN among USING (row_id)' if among else ''}")
    for name, files, schema in (("labels", [labels] if labels else [], LABELS), ("votes", votes, VOTES)):
        if not files:
            files = [scratch / f"{name}.parquet"]
            pq.write_table(schema.empty_table(), files[0])
        add_view(con, name, files)
    con.execute(
        "CREATE TABLE left_out (number INTEGER, row_id VARCHAR, step VARCHAR, reason VARCHAR, detail VARCHAR)"
    )
    con.execute("CREATE VIEW rows AS FROM entered ANTI JOIN left_out USING (row_id)")


def _note(con: duckdb.DuckDBPyConnection, drops: pa.Table, number: int, step: str, file: Path) -> None:
    # by way of a file, because DuckDB imports pyarrow.dataset (and that pandas) to take an Arrow table
    pq.write_table(drops.select(DROPS.names).cast(DROPS), file)
    add_view(con, f"drops_{number}", file)
    con.execute(
        f"INSERT INTO left_out SELECT ?, row_id, ?, reason, detail FROM drops_{number}",  # noqa: S608 - a number of ours
        [number, step],
    )


def _counts(con: duckdb.DuckDBPyConnection, steps: Sequence[PlannedStep]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {planned.name: {} for planned in steps}
    tally = con.execute("SELECT step, reason, count(*) FROM left_out GROUP BY ALL ORDER BY ALL")
    for step, reason, n_rows in tally.fetchall():
        counts[step][reason] = n_rows
    return counts


def _one_number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    [(number,)] = con.execute(query).fetchall()
    return int(number)
