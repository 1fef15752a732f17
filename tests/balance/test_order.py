"""The order of the rows."""

import random

import duckdb

from kto_data.balance.order import add_positions


def positions(rows, seed=7):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE decided (row_id VARCHAR, split VARCHAR)")
        for row in rows:
            connection.execute("INSERT INTO decided VALUES (?, ?)", row)
        add_positions(connection, "shuffled", seed=seed)
        return dict(connection.execute("SELECT row_id, position FROM positions").fetchall())


ROWS = [(f"r{n:02}", "train" if n < 20 else "test") for n in range(30)]


def test_each_split_counts_from_zero():
    found = positions(ROWS)
    assert sorted(found[row] for row, split in ROWS if split == "train") == list(range(20))
    assert sorted(found[row] for row, split in ROWS if split == "test") == list(range(10))


def test_the_order_does_not_depend_on_the_order_of_the_input():
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    assert positions(shuffled) == positions(ROWS)


def test_the_rows_do_not_stay_sorted_and_another_seed_gives_another_order():
    found = positions(ROWS)
    assert [found[row] for row, _ in ROWS[:20]] != list(range(20))
    assert positions(ROWS, seed=8) != found
