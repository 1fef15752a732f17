"""Which of the votes in long blocks stand: those of each labeler's current version, and of each mind the newest."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.votes.labelers import Labeler

_COLUMNS = {
    "sample_id": "VARCHAR",
    "row_id": "VARCHAR",
    "labeler": "VARCHAR",
    "version": "VARCHAR",
    "vote": "TINYINT",
    "score": "DOUBLE",
    "reason": "VARCHAR",
    "user": "VARCHAR",
    "created_at": "TIMESTAMPTZ",
}
"""What is read of a long block; only sample_id, labeler and vote must be there."""

WORD = 64
"""Labelers that one mask holds."""

REQUIRED = ("sample_id", "labeler", "vote")


@dataclass(frozen=True, slots=True)
class Standing:
    """What was left out on the way to the table `voted`.

    Attributes:
        n_superseded: Votes of another version, or of a mind that was changed.
        n_duplicates: Votes that repeat another; only found when looked at with care.
        n_invalid: Votes that are no votes.
        n_bad_scores: Scores that are no finite number.
        has_users: Some votes say who gave them.
        careful: Votes were compared one by one, because some are dated, have users or are about events.
    """

    n_superseded: int = 0
    n_duplicates: int = 0
    n_invalid: int = 0
    n_bad_scores: int = 0
    has_users: bool = False
    careful: bool = False


def literal(path: Path) -> str:
    """Return a path as an SQL text that DuckDB takes for this one file, whatever characters it holds.

    >>> literal(Path("it's [1].parquet"))
    "'it''s [[]1].parquet'"
    """
    return "'" + glob.escape(str(path)).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a column's name as SQL.

    >>> print(quoted('5" disk'))
    "5"" disk"
    """
    return '"' + name.replace('"', '""') + '"'


def stand(con: duckdb.DuckDBPyConnection, labelers: Sequence[Labeler], blocks: Sequence[Path]) -> Standing:
    """Make `voted` (sample_id, row_id, m, bit, vote, user): the votes that stand, with the labeler's number and mask.

    A vote without a version is taken for one of the current version. Votes of the same moment (or
    undated ones) supersede none: they are pooled, and equal ones count once.
    """
    con.execute("CREATE TABLE labs (labeler VARCHAR, version VARCHAR, m INTEGER, bit UBIGINT)")
    if labelers:
        con.executemany(
            "INSERT INTO labs VALUES (?, ?, ?, ?)",
            [(labeler.name, labeler.version, m, 1 << (m % WORD)) for m, labeler in enumerate(labelers)],
        )
    if not blocks:
        con.execute(
            'CREATE TABLE voted (sample_id VARCHAR, row_id VARCHAR, m INTEGER, bit UBIGINT, vote TINYINT, "user" VARCHAR)'
        )
        return Standing()
    con.execute("CREATE VIEW long AS " + " UNION ALL ".join(long_source(block) for block in blocks))
    [(n_known, n_current, n_invalid, n_bad_scores, n_dated, n_users, n_events)] = con.execute(
        "SELECT count(*), count(*) FILTER (version IS NULL OR version = current), "
        "count(*) FILTER (vote IS NULL OR vote NOT IN (-1, 0, 1)), count(*) FILTER (NOT isfinite(score)), "
        'count(created_at), count("user"), count(row_id) '
        "FROM (SELECT long.*, labs.version AS current FROM long JOIN labs USING (labeler))"
    ).fetchall()
    con.execute(
        'CREATE VIEW current AS SELECT sample_id, row_id, m, bit, vote, "user", created_at FROM long JOIN labs '
        "ON long.labeler = labs.labeler AND (long.version IS NULL OR long.version = labs.version) "
        "WHERE vote IN (-1, 0, 1)"
    )
    careful = bool(n_dated or n_users or n_events)
    n_changed, n_duplicates = _leave_latest(con) if careful else (0, 0)
    if not careful:
        con.execute("CREATE VIEW voted AS FROM current")
    return Standing(
        n_known - n_current + n_changed, n_duplicates, n_invalid, n_bad_scores, bool(n_users), careful
    )


def long_source(block: Path) -> str:
    """Return the query that reads a long block, with null in the columns that it lacks.

    Raises:
        InputError: It lacks one that must be there.
    """
    names = pq.read_schema(block).names
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InputError(
            f"{block}: a table of votes needs the columns {', '.join(REQUIRED)}; {', '.join(missing)} is missing"
        )
    columns = [
        f"TRY_CAST({quoted(name)} AS {kind}) AS {quoted(name)}"
        if name in names
        else f"NULL::{kind} AS {quoted(name)}"
        for name, kind in _COLUMNS.items()
    ]
    return f"SELECT {', '.join(columns)} FROM read_parquet({literal(block)})"  # noqa: S608 - all parts are quoted


def _leave_latest(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Make `voted` of `current`; return the votes superseded by a changed mind, and the repeated ones."""
    con.execute(
        "CREATE TABLE latest AS SELECT *, rank() OVER "
        '(PARTITION BY m, sample_id, row_id, "user" ORDER BY created_at DESC NULLS LAST) AS age FROM current'
    )
    con.execute(
        'CREATE TABLE voted AS SELECT DISTINCT sample_id, row_id, m, bit, vote, "user" FROM latest WHERE age = 1'
    )
    [(n, n_latest, n_voted)] = con.execute(
        "SELECT count(*), count(*) FILTER (age = 1), (SELECT count(*) FROM voted) FROM latest"
    ).fetchall()
    con.execute("DROP TABLE latest")
    return int(n - n_latest), int(n_latest - n_voted)
