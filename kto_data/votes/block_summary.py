"""A summary of one wide block of rule votes, for any number of rows: counted where the votes lie, in DuckDB."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.tables import add_view, database
from kto_data.votes.labelers import Labeler
from kto_data.votes.summary import LabelerSummary

_MEMORY = "400MB"


def summarise_block(
    labelers: Sequence[Labeler], block: Path, *, n_rows: int, n_faults: Mapping[str, int]
) -> list[LabelerSummary]:
    """Return a summary of each rule: what `summarise` makes of the same votes.

    Args:
        labelers: The rules, in the order of the block's columns; none has a cap.
        block: Their votes.
        n_rows: The rows that they were asked about.
        n_faults: How often each failed, of those that did.
    """
    with database(block.parent) as con:
        con.execute(f"SET memory_limit = '{_MEMORY}'")
        add_view(con, "votes", block)
        counts = _counts(con, labelers)
        shares = _shares(*_patterns(con, labelers))
    return [
        LabelerSummary(
            labeler=labeler.name,
            kind=labeler.kind,
            mode=labeler.mode,
            n_desirable=up,
            n_undesirable=down,
            n_abstain=abstain,
            n_not_applicable=n_rows - up - down - abstain - n_faults.get(labeler.name, 0),
            n_faults=n_faults.get(labeler.name, 0),
            coverage=coverage,
            overlap=overlap,
            conflict=conflict,
        )
        for labeler, (up, down, abstain), (coverage, overlap, conflict) in zip(
            labelers, counts, shares, strict=True
        )
    ]


def _counts(con: duckdb.DuckDBPyConnection, labelers: Sequence[Labeler]) -> list[tuple[int, int, int]]:
    """Return for each rule the rows on which it votes for, against, and abstains."""
    if not labelers:
        return []
    asked = ", ".join(
        f"count_if({_column(labeler)} {test})" for labeler in labelers for test in ("> 0", "< 0", "= 0")
    )
    [found] = con.execute(f"SELECT {asked} FROM votes").fetchall()  # noqa: S608 - the columns are quoted
    return [(found[n], found[n + 1], found[n + 2]) for n in range(0, len(found), 3)]


def _patterns(
    con: duckdb.DuckDBPyConnection, labelers: Sequence[Labeler]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the combinations of pooled votes that samples have (NaN: no vote), and how many have each."""
    single = ", ".join(f"nullif({_column(labeler)}, 0) AS v{n}" for n, labeler in enumerate(labelers))
    pooled = ", ".join(f"{_pooled(labeler)} AS v{n}" for n, labeler in enumerate(labelers))
    names = ", ".join(f"v{n}" for n in range(len(labelers)))
    con.execute("CREATE TEMP TABLE twice AS SELECT sample_id FROM votes GROUP BY ALL HAVING count(*) > 1")
    found: pa.Table = con.sql(
        f"SELECT count(*) AS n, {names} FROM ("  # noqa: S608 - the columns are quoted
        f"SELECT {single} FROM votes ANTI JOIN twice USING (sample_id) UNION ALL "
        f"SELECT {pooled} FROM votes SEMI JOIN twice USING (sample_id) GROUP BY sample_id) GROUP BY {names}"
    ).to_arrow_table()
    numbers = [
        found[name].cast(pa.float64()).fill_null(float("nan")).to_numpy() for name in found.column_names
    ]
    return np.array(numbers[1:]).T, np.asarray(numbers[0])


def _pooled(labeler: Labeler) -> str:
    """Return the SQL of what a rule's votes on the rows of one sample come to."""
    column = _column(labeler)
    sign = (
        f"sign(sum({column}))"
        if labeler.about == "event"
        else f"(max({column}) > 0)::INT - (min({column}) < 0)::INT"
    )
    return f"CASE WHEN bool_or({column} <> 0) THEN {sign} END"


def _shares(
    votes_PM: npt.NDArray[np.float64], n_P: npt.NDArray[np.float64]
) -> list[tuple[float, float, float]]:
    """Return each rule's coverage, overlap and conflict from P patterns of M pooled votes."""
    total = n_P.sum()
    has_PM = ~np.isnan(votes_PM)
    several_P = has_PM.sum(axis=1) > 1
    up_PM, down_PM = votes_PM > 0, votes_PM < 0
    any_up_P, any_down_P = up_PM.sum(axis=1) > 0, down_PM.sum(axis=1) > 0
    against_PM = (up_PM & any_down_P[:, None]) | (down_PM & any_up_P[:, None])

    def share(marks_PM: npt.NDArray[np.bool_]) -> list[float]:
        return [float(count / total) if total else 0.0 for count in n_P @ marks_PM]

    return list(zip(share(has_PM), share(has_PM & several_P[:, None]), share(against_PM), strict=True))


def _column(labeler: Labeler) -> str:
    return '"' + labeler.name.replace('"', '""') + '"'
