"""Brings kept rows, labels and the split together: what the dataset will hold, with weights and places."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from kto_data.balance.options import BalanceOptions
from kto_data.balance.order import add_positions
from kto_data.balance.row_weights import add_row_weights
from kto_data.balance.selection import SELECTION
from kto_data.tables import add_view, database, read_query, write_parquet


@dataclass(frozen=True, slots=True)
class SelectionCounts:
    """The accounting: `n_rows == n_selected + n_undecided`.

    Attributes:
        n_rows: Kept rows.
        n_selected: Those with a label, which the dataset will hold.
        n_undecided: The others.
    """

    n_rows: int
    n_selected: int
    n_undecided: int


def select_rows(
    options: BalanceOptions, *, kept: Path, labels: Path, split: Path, out: Path, seed: int
) -> SelectionCounts:
    """Write the `SELECTION` of a dataset: every kept row whose sample has a label.

    About 200 bytes a row are held, and spill to disk.

    Args:
        options: How rows are weighted and ordered.
        kept: Parquet with row_id and sample_id, from `curation.run`.
        labels: Parquet with `schema.LABELS`.
        split: Parquet with the side of each kept row, from `curation.split`; it may hold further rows.
        out: Where to write.
        seed: Of the order.

    Raises:
        InputError: No row has a weight (see `add_row_weights`).
    """
    with database(out.parent) as con:
        for name, path in (("kept", kept), ("labels", labels), ("sides", split)):
            add_view(con, name, path)
        con.execute(
            "CREATE TABLE decided AS SELECT row_id, split, label, decided_by, "
            "CASE WHEN isfinite(p_desirable) THEN p_desirable END AS p_desirable "
            "FROM kept JOIN labels USING (sample_id) LEFT JOIN sides USING (row_id) WHERE label IS NOT NULL"
        )
        assert _count(con, "decided WHERE split IS NULL") == 0, "the split covers the kept rows"
        add_row_weights(con, options.row_weights)
        add_positions(con, options.order, seed=seed)
        columns = ", ".join(SELECTION.names)
        n_selected = write_parquet(
            out,
            SELECTION,
            read_query(
                con,
                f"SELECT {columns} FROM decided JOIN row_weights USING (row_id) JOIN positions USING (row_id) ORDER BY row_id",  # noqa: S608 - column names of ours
            ),
        )
        n_rows = _count(con, "kept")
    return SelectionCounts(n_rows, n_selected, n_rows - n_selected)


def _count(con: duckdb.DuckDBPyConnection, what: str) -> int:
    [(number,)] = con.execute(f"SELECT count(*) FROM {what}").fetchall()  # noqa: S608 - constants of this file
    return int(number)
