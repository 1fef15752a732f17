"""Balance statistics: how many rows of each class, from where, and how much they weigh."""

import math
from dataclasses import dataclass
from pathlib import Path

import duckdb

from kto_data.tables import add_view, database


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """The rows of one source or model.

    Attributes:
        name: The source or model.
        n_rows: Its rows.
        n_desirable: Those labelled desirable.
        n_undesirable: The others.
        share_desirable: The first as a share of the rows.
    """

    name: str
    n_rows: int
    n_desirable: int
    n_undesirable: int
    share_desirable: float


@dataclass(frozen=True, slots=True)
class BalanceStatistics:
    """The balance of one split.

    Attributes:
        split: Which.
        n_rows: Its rows.
        n_desirable: Rows labelled desirable.
        n_undesirable: Rows labelled undesirable.
        share_desirable: As a share of the rows; None without rows.
        share_undesirable: Likewise.
        ratio: n_desirable / n_undesirable; None if there is no undesirable row.
        weight_desirable: The sum of the desirable rows' weights.
        weight_undesirable: The sum of the undesirable rows' weights.
        n_prompts: Distinct prompts.
        n_prompts_both: Prompts with rows of both labels.
        n_prompts_only_desirable: Prompts with desirable rows only.
        n_prompts_only_undesirable: Prompts with undesirable rows only.
        by_source: The counts of each source, the largest first.
        by_model: The counts of each model, the largest first; rows without one are left out.
    """

    split: str
    n_rows: int
    n_desirable: int
    n_undesirable: int
    share_desirable: float | None
    share_undesirable: float | None
    ratio: float | None
    weight_desirable: float
    weight_undesirable: float
    n_prompts: int
    n_prompts_both: int
    n_prompts_only_desirable: int
    n_prompts_only_undesirable: int
    by_source: tuple[ClassCounts, ...]
    by_model: tuple[ClassCounts, ...]


def balance_statistics(*, rows: Path, selection: Path, split: str = "train") -> BalanceStatistics:
    """Return the balance of a split.

    Args:
        rows: Parquet with `rows_schema`; only prompt_id, source and model are read.
        selection: Parquet with `SELECTION`.
        split: `train` or `test`.
    """
    with database(selection.parent) as connection:
        for name, path in (("rows", rows), ("selection", selection)):
            add_view(connection, name, path)
        connection.execute("CREATE TABLE wanted (split VARCHAR)")
        connection.execute("INSERT INTO wanted VALUES (?)", [split])
        connection.execute(
            "CREATE TABLE chosen AS SELECT label, weight, prompt_id, source, model "
            "FROM selection SEMI JOIN wanted USING (split) JOIN rows USING (row_id)"
        )
        [(n_prompts, n_both, n_only_desirable, n_only_undesirable)] = connection.execute(
            "SELECT count(*), count(*) FILTER (up AND down), count(*) FILTER (NOT down), count(*) FILTER (NOT up) "
            "FROM (SELECT bool_or(label) AS up, bool_or(NOT label) AS down FROM chosen GROUP BY prompt_id)"
        ).fetchall()
        n_desirable, weight_desirable = _class(connection, desirable=True)
        n_undesirable, weight_undesirable = _class(connection, desirable=False)
        n_rows = n_desirable + n_undesirable
        return BalanceStatistics(
            split=split,
            n_rows=n_rows,
            n_desirable=n_desirable,
            n_undesirable=n_undesirable,
            share_desirable=n_desirable / n_rows if n_rows else None,
            share_undesirable=n_undesirable / n_rows if n_rows else None,
            ratio=n_desirable / n_undesirable if n_undesirable else None,
            weight_desirable=weight_desirable,
            weight_undesirable=weight_undesirable,
            n_prompts=n_prompts,
            n_prompts_both=n_both,
            n_prompts_only_desirable=n_only_desirable,
            n_prompts_only_undesirable=n_only_undesirable,
            by_source=_by(connection, "source"),
            by_model=_by(connection, "model"),
        )


def _class(connection: duckdb.DuckDBPyConnection, *, desirable: bool) -> tuple[int, float]:
    weights = connection.execute("SELECT weight FROM chosen WHERE label = ?", [desirable]).fetchnumpy()[
        "weight"
    ]
    # fsum, because a sum in floating point depends on the order of its terms, and threads do not keep one
    return len(weights), math.fsum(weights)


def _by(connection: duckdb.DuckDBPyConnection, column: str) -> tuple[ClassCounts, ...]:
    counts = connection.execute(
        f"SELECT {column}, count(*) AS n, count(*) FILTER (label), count(*) FILTER (NOT label), "  # noqa: S608 - a column name of ours
        f"count(*) FILTER (label) / count(*) FROM chosen WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1"
    )
    return tuple(ClassCounts(*row) for row in counts.fetchall())
