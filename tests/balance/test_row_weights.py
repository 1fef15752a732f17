"""Row weights with mean 1 over the train rows."""

import duckdb
import pyarrow as pa
import pytest

from kto_data.balance.options import BalanceOptions
from kto_data.balance.row_weights import RowWeights, add_row_weights
from kto_data.errors import InputError

META = pa.schema([("meta", pa.struct([("p", pa.float64())]))])


def weights(options, *rows):
    """Weights of rows given as (split, p_desirable, prompt, source, p of the metadata)."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE decided (row_id VARCHAR, split VARCHAR, p_desirable DOUBLE, prompt_id VARCHAR, source VARCHAR)"
        )
        connection.execute("CREATE TABLE rows (row_id VARCHAR, meta STRUCT(p DOUBLE))")
        for number, row in enumerate(rows):
            split, p_desirable, prompt, source, p = (*row, *(None, "p", "log", 1.0)[len(row) - 1 :])
            connection.execute(
                "INSERT INTO decided VALUES (?, ?, ?, ?, ?)",
                [str(number), split, p_desirable, prompt, source],
            )
            connection.execute("INSERT INTO rows VALUES (?, {'p': ?})", [str(number), p])
        add_row_weights(connection, options, META)
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
    assert weights(RowWeights(confidence=True), *rows) == pytest.approx(expected)


def test_uniform_rows_all_weigh_one():
    assert weights(RowWeights(), ("train", 0.9), ("test", None)) == [1.0, 1.0]


def test_a_source_counts_as_much_as_is_said():
    rows = [("train", None, "p", "gold"), ("train", None, "q", "log"), ("train", None, "r", "log")]
    assert weights(RowWeights(source={"gold": 4}), *rows) == pytest.approx([2.0, 0.5, 0.5])


def test_rows_of_one_prompt_share_what_a_prompt_weighs():
    rows = [("train", None, "often")] * 3 + [("train", None, "once"), ("test", None, "often")]
    # 1/3, 1/3, 1/3, 1 over their mean 1/2; the test split counts its own rows
    assert weights(RowWeights(per_prompt=True), *rows) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0, 2.0])


def test_what_was_rarely_recorded_weighs_more_up_to_a_bound():
    rows = [("train", None, str(n), "log", p) for n, p in enumerate([0.5, 0.25, 0.001])]
    assert weights(RowWeights(propensity="meta.p", at_most=10), *rows) == pytest.approx(
        [2 * 3 / 16, 4 * 3 / 16, 10 * 3 / 16]
    )


def test_factors_are_multiplied():
    rows = [("train", 1.0, "a", "gold"), ("train", 0.75, "b", "log"), ("train", 0.75, "b", "log")]
    # confidence 1, 1/2, 1/2; source 2, 1, 1; prompt 1, 1/2, 1/2: 2, 1/4, 1/4 over their mean 5/6
    found = weights(RowWeights(confidence=True, source={"gold": 2}, per_prompt=True), *rows)
    assert found == pytest.approx([2.4, 0.3, 0.3])


@pytest.mark.parametrize("p", [0.0, -1.0, 1.5, None])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(InputError, match=r"meta\.p of 0 is .*not a probability"):
        weights(RowWeights(propensity="meta.p"), ("train", None, "p", "log", p))


def test_labels_like_coins_cannot_be_weighed():
    with pytest.raises(InputError, match="row_weights: uniform"):
        weights(RowWeights(confidence=True), ("train", 0.5), ("train", 0.5))


def test_rows_that_all_weigh_nothing_are_refused():
    with pytest.raises(InputError, match="every train row weighs 0"):
        weights(RowWeights(source={"log": 0}), ("train", None))


def test_a_word_stands_for_its_options():
    assert BalanceOptions(row_weights="confidence").row_weights == RowWeights(confidence=True)
    assert BalanceOptions(row_weights="uniform").row_weights == RowWeights()
