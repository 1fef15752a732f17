"""Brings kept rows, labels and the split together: what the dataset will hold, with weights and places."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from kto_data.balance.options import BalanceOptions
from kto_data.balance.order import add_positions
from kto_data.balance.order_facts import OrderFacts
from kto_data.balance.row_weights import add_row_weights
from kto_data.balance.selection import SELECTION
from kto_data.schema import DROPPED
from kto_data.tables import add_view, database, read_query, write_parquet

TAIL = "last_batch_of_one"
"""Why a row was left out: it would have been alone in the last batch."""


@dataclass(frozen=True, slots=True)
class SelectionCounts:
    """The accounting: `n_rows == n_selected + n_undecided + n_left_out`.

    Attributes:
        n_rows: Kept rows.
        n_selected: Those with a label, which the dataset will hold.
        n_undecided: Those without one.
        n_left_out: Those that the order left out: one or none.
        order: For each split what its order is like.
    """

    n_rows: int
    n_selected: int
    n_undecided: int
    n_left_out: int
    order: dict[str, OrderFacts]


def select_rows(
    options: BalanceOptions,
    *,
    rows: Path,
    kept: Path,
    labels: Path,
    split: Path,
    out: Path,
    seed: int,
    dropped: Path | None = None,
) -> SelectionCounts:
    """Write the `SELECTION` of a dataset: every kept row whose sample has a label.

    About 500 bytes a row are held; joins spill to disk.

    Args:
        options: How rows are weighted and ordered.
        rows: Parquet with `rows_schema`.
        kept: Parquet with row_id and sample_id, from `curation.run`.
        labels: Parquet with `schema.LABELS`.
        split: Parquet with the side of each kept row, from `curation.split`; it may hold further rows.
        out: Where to write.
        seed: Of the order.
        dropped: Where to write what the order left out, as `schema.DROPPED`.

    Raises:
        InputError: No row has a weight (see `add_row_weights`).
    """
    with database(out.parent) as con:
        for name, path in (("rows", rows), ("kept", kept), ("labels", labels), ("sides", split)):
            add_view(con, name, path)
        con.execute(
            "CREATE TABLE decided AS SELECT row_id, split, label, decided_by, prompt_id, source, "
            "md5(CAST(completion AS VARCHAR)) AS completion_key, "
            "CASE WHEN isfinite(p_desirable) THEN p_desirable END AS p_desirable "
            "FROM kept JOIN labels USING (sample_id) LEFT JOIN sides USING (row_id) "
            "JOIN (SELECT row_id, prompt_id, source, completion FROM rows) USING (row_id) WHERE label IS NOT NULL"
        )
        assert _count(con, "decided WHERE split IS NULL") == 0, "the split covers the kept rows"
        order = add_positions(
            con, options.order, seed=seed, batch_rows=options.batch_rows, scratch=out.parent
        )
        n_left_out = _leave_out(con, dropped)
        add_row_weights(con, options.row_weights, pq.read_schema(rows))
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
    return SelectionCounts(n_rows, n_selected, n_rows - n_selected - n_left_out, n_left_out, order)


def _leave_out(con: duckdb.DuckDBPyConnection, dropped: Path | None) -> int:
    if dropped is not None:
        query = (
            f"SELECT row_id, 'order' AS step, '{TAIL}' AS reason, "  # noqa: S608 - a constant of ours
            "CAST(NULL AS VARCHAR) AS detail FROM tail ORDER BY row_id"
        )
        write_parquet(dropped, DROPPED, read_query(con, query))
    con.execute("DELETE FROM decided WHERE row_id IN (FROM tail)")
    return _count(con, "tail")


def _count(con: duckdb.DuckDBPyConnection, what: str) -> int:
    [(number,)] = con.execute(f"SELECT count(*) FROM {what}").fetchall()  # noqa: S608 - constants of this file
    return int(number)
