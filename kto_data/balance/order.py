"""The order of the rows in a dataset.

TRL trains KTO in file order, so the file must not come sorted by label, source or time.
"""

from typing import Literal

import duckdb

OrderKind = Literal["shuffled"]
"""The orders that there are."""


def add_positions(connection: duckdb.DuckDBPyConnection, kind: OrderKind, *, seed: int) -> None:
    """Make the table `positions`: row_id, and its place from 0 in its split.

    The order follows from the seed and the set of row_ids alone, not from the order that the rows came in.

    Args:
        connection: With a table or view `decided`: row_id, split.
        kind: Which order.
        seed: Another seed gives another order.

    >>> with duckdb.connect() as connection:
    ...     _ = connection.execute("CREATE TABLE decided AS SELECT 'r' || i AS row_id, 'train' AS split FROM range(3) t(i)")
    ...     add_positions(connection, "shuffled", seed=7)
    ...     sorted(connection.execute("SELECT position FROM positions").fetchall())
    [(0,), (1,), (2,)]
    """
    assert kind == "shuffled"
    # md5 because it is the one hash that DuckDB has and that no version of it can change
    connection.execute(
        "CREATE TABLE positions AS SELECT row_id, "  # noqa: S608 - a number of ours
        f"row_number() OVER (PARTITION BY split ORDER BY md5('{seed}:' || row_id), row_id) - 1 AS position FROM decided"
    )
