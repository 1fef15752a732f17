"""Row weights with mean 1 over the train rows."""

import duckdb
import pytest

from kto_data.balance.row_weights import add_row_weights
from kto_data.errors import InputError


def weights(kind, *rows):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE decided (row_id VARCHAR, split VARCHAR, p_desirable DOUBLE)")
        for number, (split, p_desirable) in enumerate(rows):
            connection.execute("INSERT INTO decided VALUES (?, ?, ?)", [str(number), split, p_desirable])
        add_row_weights(connection, kind)
        return [
            weight
            for (weight,) in connection.execute("SELECT weight FROM row_weights ORDER BY row_id").fetchall()
        ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # |2p - 1| is 1 and 0.5, their mean 0.75
        ([("train", 1.0), ("train", 0.25)], [4 / 3, 2 / 3]),
        # a row without p weighs 1 and does not count in the mean
        ([("train", 1.0), ("train", 0.25), ("train", None)], [4 / 3, 2 / 3, 1.0]),
        # test rows take the divisor of the train rows
        ([("train", 0.75), ("test", 1.0)], [1.0, 2.0]),
        # nothing is trained on: the test rows' own mean
        ([("test", 1.0), ("test", 0.25)], [4 / 3, 2 / 3]),
        ([("train", None)], [1.0]),
    ],
)
def test_confidence_is_the_distance_from_a_coin_over_its_mean(rows, expected):
    assert weights("confidence", *rows) == pytest.approx(expected)


def test_uniform_rows_all_weigh_one():
    assert weights("uniform", ("train", 0.9), ("test", None)) == [1.0, 1.0]


def test_labels_like_coins_cannot_be_weighed():
    with pytest.raises(InputError, match="row_weights: uniform"):
        weights("confidence", ("train", 0.5), ("train", 0.5))
