"""The order of the rows."""

import random

import duckdb
import pytest

from kto_data.balance.order import add_positions


@pytest.fixture
def place(tmp_path):
    """Order rows given as (row_id, split, label, p_desirable, prompt): positions, what was left out, and the facts."""

    def run(rows, kind="mixed", seed=7, batch_rows=8):
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE decided (row_id VARCHAR, split VARCHAR, label BOOLEAN, p_desirable DOUBLE, "
                "prompt_id VARCHAR, completion_key VARCHAR)"
            )
            for row in rows:
                connection.execute("INSERT INTO decided VALUES (?, ?, ?, ?, ?, ?)", [*row, row[0]])
            facts = add_positions(connection, kind, seed=seed, batch_rows=batch_rows, scratch=tmp_path)
            found = dict(connection.execute("SELECT row_id, position FROM positions").fetchall())
            return found, [row for (row,) in connection.execute("FROM tail").fetchall()], facts

    return run


def rows(n, n_train, prompts=None):
    return [
        (f"r{i:03}", "train" if i < n_train else "test", i % 3 > 0, None, f"p{i // (prompts or 1)}")
        for i in range(n)
    ]


@pytest.mark.parametrize("kind", ["mixed", "shuffled"])
def test_each_split_counts_from_zero(place, kind):
    given = rows(30, 20)
    found, left_out, facts = place(given, kind)
    assert left_out == []
    assert sorted(found[row[0]] for row in given if row[1] == "train") == list(range(20))
    assert sorted(found[row[0]] for row in given if row[1] == "test") == list(range(10))
    assert (facts["train"].n_rows, facts["test"].n_rows) == (20, 10)


@pytest.mark.parametrize("kind", ["mixed", "shuffled"])
def test_the_order_does_not_depend_on_the_order_of_the_input(place, kind):
    given = rows(60, 40, prompts=3)
    assert place(random.Random(1).sample(given, len(given)), kind)[0] == place(given, kind)[0]


@pytest.mark.parametrize("kind", ["mixed", "shuffled"])
def test_the_rows_do_not_stay_sorted_and_another_seed_gives_another_order(place, kind):
    given = rows(30, 20)
    found = place(given, kind)[0]
    assert [found[row[0]] for row in given[:20]] != list(range(20))
    assert place(given, kind, seed=8)[0] != found


def test_mixed_rows_keep_prompts_apart_and_labels_even(place):
    facts = place(rows(400, 400, prompts=4))[2]["train"]
    assert (facts.n_repeated_prompts, facts.n_repeated_completions) == (0, 0)
    assert facts.window_desirable == (5, 6)  # 8 rows, two thirds of them desirable


def test_a_last_batch_of_one_row_loses_the_least_sure_row_of_the_larger_class(place):
    given = [(f"r{i:02}", "train", i % 4 > 0, 0.5 + i / 100, f"p{i}") for i in range(17)]
    found, left_out, facts = place(given)
    assert left_out == ["r01"]  # r00 is less sure, but of the smaller class
    assert sorted(found.values()) == list(range(16))
    assert facts["train"].last_batch_rows == 0


@pytest.mark.parametrize(("n", "kind"), [(1, "mixed"), (8, "mixed"), (18, "mixed"), (17, "shuffled")])
def test_nothing_else_is_left_out(place, n, kind):
    assert place(rows(n, n), kind)[1] == []


def test_rows_of_the_test_split_are_never_left_out(place):
    assert place(rows(17, 0))[1] == []
