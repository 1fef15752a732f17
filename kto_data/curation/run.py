"""Runs steps one after another over a rows file; what goes in comes out as kept or dropped, exactly once."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.curation.rewrite import rewrite_rows
from kto_data.curation.step import DROPS, PlannedStep, StepInput
from kto_data.schema import DROPPED, LABELERS, LABELS, VOTES
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
        facts: What else each step has to tell, in their order; `files` are those that it left for people.
    """

    n_rows: int
    n_kept: int
    dropped: dict[str, dict[str, int]]
    facts: list[dict[str, Any]] = field(default_factory=list)

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
    rewritten: Path | None = None,
    among: Path | None = None,
    labels: Path | None = None,
    votes: Sequence[Path] = (),
    labelers: Sequence[Path] = (),
    advance: Callable[[int], None] | None = None,
) -> CurationResult:
    """Run steps in their order; each sees what the ones before it kept.

    Both files are sorted (kept by row_id, dropped by step and row_id), so they do not depend on the order of rows.
    Keys are held per row: about 200 bytes, and they spill to disk. What a step leaves for people stands beside `kept`.

    Args:
        steps: The steps.
        rows: Parquet with `rows_schema`.
        kept: Where to write the kept rows, as `KEPT`.
        dropped: Where to write the dropped rows, as `schema.DROPPED`.
        seed: Of whatever steps choose at random.
        rewritten: Where to write all rows, also dropped ones, as steps have changed them; only if a step does.
        among: Parquet with the `row_id`s to work on, such as the `kept` of an earlier run; all rows by default.
        labels: Parquet with `schema.LABELS`; needed if a step needs labels or votes.
        votes: Parquet files with `schema.VOTES`, each vote once; those with a row_id are about events.
        labelers: Parquet files with `schema.LABELERS`: who cast the votes.
        advance: Called after each step with the number of rows that it saw.
    """
    assert labels is not None or not any(planned.step.needs_labels for planned in steps), "parse_steps checks"
    facts: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix=".steps-", dir=kept.parent) as name, database(kept.parent) as con:
        scratch = Path(name)
        _add_tables(con, scratch, among=among, labels=labels, votes=votes, labelers=labelers)
        _add_rows(con, rows, among)
        n_rows = n_left = _one_number(con, "SELECT count(*) FROM entered")
        for number, planned in enumerate(steps):
            told: dict[str, Any] = {}
            if planned.step.rewrites:
                assert rewritten is not None, "parse_steps allows it in prepare only"
                new = scratch / f"rows_{number}.parquet"
                told["n_rewritten"] = rewrite_rows(planned.step, rows, new)
                rows = new
                _add_rows(con, rows, among)
            with tempfile.TemporaryDirectory(dir=scratch) as own:
                beside = str(kept.parent / f"{number + 1:02}_{planned.name}_")
                given = StepInput(con, pq.read_schema(rows), seed, Path(own), beside, told)
                table = planned.step.drop(given)
            _note(con, table, number, planned.name, scratch / f"{number}.parquet")
            if votes and planned.step.merges:
                told["n_votes_left_out"] = _n_votes_left_out(con, number)
            facts.append({"step": planned.name, **told})
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
        result = CurationResult(n_rows, n_kept, _counts(con, steps), facts)
        if rows.parent == scratch and rewritten is not None:
            os.replace(rows, rewritten)
    assert result.n_rows == result.n_kept + result.n_dropped, (
        "a step dropped a row twice or one that was not there"
    )
    return result


def _add_rows(con: duckdb.DuckDBPyConnection, rows: Path, among: Path | None) -> None:
    for name in ("rows", "entered", "all_rows"):  # the later ones are made of the earlier ones
        con.execute(f"DROP VIEW IF EXISTS {name}")
    add_view(con, "all_rows", rows)
    con.execute(f"CREATE VIEW entered AS FROM all_rows {'SEMI JOIN among USING (row_id)' if among else ''}")
    con.execute("CREATE VIEW rows AS FROM entered ANTI JOIN left_out USING (row_id)")


def _add_tables(
    con: duckdb.DuckDBPyConnection,
    scratch: Path,
    *,
    among: Path | None,
    labels: Path | None,
    votes: Sequence[Path],
    labelers: Sequence[Path],
) -> None:
    if among is not None:
        add_view(con, "among", among)
    for name, files, schema in (
        ("labels", [labels] if labels else [], LABELS),
        ("votes", votes, VOTES),
        ("labelers", labelers, LABELERS),
    ):
        if not files:
            files = [scratch / f"{name}.parquet"]
            pq.write_table(schema.empty_table(), files[0])
        add_view(con, name, files)
    con.execute(
        "CREATE TABLE left_out (number INTEGER, row_id VARCHAR, step VARCHAR, reason VARCHAR, detail VARCHAR)"
    )


def _note(con: duckdb.DuckDBPyConnection, drops: pa.Table, number: int, step: str, file: Path) -> None:
    # by way of a file, because DuckDB imports pyarrow.dataset (and that pandas) to take an Arrow table
    pq.write_table(drops.select(DROPS.names).cast(DROPS), file)
    add_view(con, f"drops_{number}", file)
    con.execute(
        f"INSERT INTO left_out SELECT ?, row_id, ?, reason, detail FROM drops_{number}",  # noqa: S608 - a number of ours
        [number, step],
    )


def _n_votes_left_out(con: duckdb.DuckDBPyConnection, number: int) -> int:
    """Return the votes on samples of which a step has left out the last row."""
    return _one_number(
        con,
        "SELECT count(*) FROM votes SEMI JOIN (SELECT sample_id FROM entered JOIN left_out USING (row_id) "  # noqa: S608 - a number of ours
        f"WHERE number = {number}) USING (sample_id) ANTI JOIN rows USING (sample_id) WHERE vote <> 0",
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
