"""Which rows a dataset holds."""

import random

import pyarrow.parquet as pq
import pytest

from kto_data.balance.options import BalanceOptions


def test_undecided_rows_are_left_out_and_counted(row, inputs):
    files, counts = inputs([row(0), row(1, label=None), row(2, label=False, split="test")])
    assert (counts.n_rows, counts.n_selected, counts.n_undecided, counts.n_left_out) == (3, 2, 1, 0)
    found = pq.read_table(files["selection"]).to_pylist()
    assert [(r["row_id"], r["split"], r["label"], r["weight"], r["position"]) for r in found] == [
        ("log#0000", "train", True, 1.0, 0),
        ("log#0002", "test", False, 1.0, 0),
    ]


def test_rows_of_one_sample_take_the_same_label(row, inputs):
    same = [{"role": "user", "content": "same"}]
    files, counts = inputs([row(n, label=False, prompt=same, completion=same) for n in range(3)])
    assert counts.n_selected == 3
    assert pq.read_table(files["selection"])["label"].to_pylist() == [False] * 3


def test_row_weights_come_from_the_options(row, inputs):
    rows = [row(0, p_desirable=1.0), row(1, p_desirable=0.75), row(2, p_desirable=float("nan"))]
    files, _ = inputs(rows, BalanceOptions(row_weights="confidence"))
    found = pq.read_table(files["selection"])
    assert found["weight"].to_pylist() == pytest.approx([4 / 3, 2 / 3, 1.0])
    assert found["p_desirable"].to_pylist() == [1.0, 0.75, None]


def test_the_order_of_the_rows_changes_no_byte(row, inputs):
    rows = [
        row(n, label=n % 3 > 0, split="test" if n % 5 == 0 else "train", p_desirable=n / 50)
        for n in range(50)
    ]
    options = BalanceOptions(row_weights="confidence")
    first = inputs(rows, options)[0]["selection"].read_bytes()
    assert inputs(random.Random(3).sample(rows, len(rows)), options)[0]["selection"].read_bytes() == first


def test_nothing_decided_selects_nothing(row, inputs):
    counts = inputs([row(0, label=None)])[1]
    assert (counts.n_rows, counts.n_selected, counts.n_undecided, counts.n_left_out) == (1, 0, 1, 0)


def test_a_row_that_the_order_leaves_out_is_counted(row, inputs):
    files, counts = inputs([row(n, label=n % 2 == 0, p_desirable=0.9 - n / 100) for n in range(9)])
    assert (counts.n_rows, counts.n_selected, counts.n_undecided, counts.n_left_out) == (9, 8, 0, 1)
    found = pq.read_table(files["selection"])
    assert "log#0008" not in found["row_id"].to_pylist()
    assert sorted(found["position"].to_pylist()) == list(range(8))
