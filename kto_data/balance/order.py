"""The order of the rows in a dataset.

TRL trains KTO in file order, so the file must not come sorted by label, source or time.
"""

from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.balance.mixed import Bools, Ints, Keys, mixed_order
from kto_data.balance.order_facts import OrderFacts, order_facts
from kto_data.tables import add_view

OrderKind = Literal["mixed", "shuffled"]
"""The orders that there are."""

_SPLITS = ("train", "test")


def add_positions(
    connection: duckdb.DuckDBPyConnection, kind: OrderKind, *, seed: int, batch_rows: int, scratch: Path
) -> dict[str, OrderFacts]:
    """Make the tables `positions` (row_id, and its place from 0 in its split) and `tail` (row_ids left out).

    The order follows from the seed and the set of rows alone, not from the order that they came in. `shuffled` is by
    a hash of row_id and seed. `mixed` is `mixed.mixed_order`; a train split whose last batch would then hold a single
    row loses one, of the larger class that whose label is least sure. (KTO would pair it with itself, so that its
    loss is 1/2 whatever the model does.) About 300 bytes a row are held.

    Args:
        connection: With a table or view `decided`: row_id, split, label, p_desirable, prompt_id, completion_key.
        kind: Which order.
        seed: Another seed gives another order.
        batch_rows: B: any so many consecutive rows are mixed, and the last batch of so many is not one row.
        scratch: An existing folder for a file that is removed again.

    Returns:
        For each split what the order is like.
    """
    connection.execute(
        "CREATE TABLE numbered AS SELECT row_id, split, label, p_desirable, hash(prompt_id) AS prompt, "
        "hash(completion_key) AS completion, md5(? || ':' || row_id) AS shuffle FROM decided",
        [str(seed)],
    )
    connection.execute("CREATE TABLE positions (row_id VARCHAR, position BIGINT)")
    connection.execute("CREATE TABLE tail (row_id VARCHAR)")
    facts = {}
    for split in _SPLITS:
        table = connection.sql(
            "SELECT row_id, label, p_desirable, prompt, completion FROM numbered WHERE split = ? "
            "ORDER BY CASE WHEN ? THEN shuffle END, row_id",
            params=[split, kind == "shuffled"],
        ).to_arrow_table()
        columns = {name: table.column(name).to_numpy() for name in ("label", "prompt", "completion")}
        kept = (
            _without_tail(table, columns["label"], batch_rows)
            if (kind, split) == ("mixed", "train")
            else _all(table)
        )
        label, prompts, completions = (columns[name][kept] for name in ("label", "prompt", "completion"))
        keys = Keys(first_seen(prompts), first_seen(completions))
        order = (
            mixed_order(label, keys, batch_rows=batch_rows, seed=seed)
            if kind == "mixed"
            else np.arange(len(kept))
        )
        in_order = Keys(keys.prompts[order], keys.completions[order])
        facts[split] = order_facts(label[order], in_order, batch_rows=batch_rows)
        _note(connection, table.column("row_id"), kept[order], scratch / f".order-{split}.parquet")
    return facts


def first_seen(values: npt.NDArray[Any]) -> Ints:
    """Number values from 0 in the order of their first occurrence, so that only their equality counts.

    >>> first_seen(np.array([30, 10, 30, 20])).tolist()
    [0, 1, 0, 2]
    """
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return np.asarray(number[inverse])


def _all(table: pa.Table) -> Ints:
    return np.arange(table.num_rows)


def _without_tail(table: pa.Table, label: Bools, batch_rows: int) -> Ints:
    n = table.num_rows
    if n <= batch_rows or n % batch_rows != 1:
        return _all(table)
    larger = label if 2 * int(label.sum()) >= n else ~label
    p = table.column("p_desirable").to_numpy()
    sureness = np.where(larger, np.nan_to_num(np.abs(2 * p - 1), nan=1.0), np.inf)
    return np.delete(_all(table), int(np.argmin(sureness)))


def _note(connection: duckdb.DuckDBPyConnection, row_ids: pa.ChunkedArray, order: Ints, file: Path) -> None:
    # by way of a file, because DuckDB imports pandas to take an Arrow table
    taken = np.full(len(row_ids), -1, dtype=np.int64)
    taken[order] = np.arange(len(order))
    pq.write_table(pa.table({"row_id": row_ids, "position": taken}), file)
    try:
        view = f"placed_{file.stem.rpartition('-')[2]}"
        add_view(connection, view, file)
        connection.execute(f"INSERT INTO positions SELECT row_id, position FROM {view} WHERE position >= 0")  # noqa: S608 - a name of ours
        connection.execute(f"INSERT INTO tail SELECT row_id FROM {view} WHERE position < 0")  # noqa: S608 - likewise
    finally:
        file.unlink()
