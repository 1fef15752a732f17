"""Wide blocks straight to masks give what the database gives."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.votes.patterns import are_the_samples, read_masks, unfold


def write(path, sample_ids, **columns):
    pq.write_table(
        pa.table(
            {
                "row_id": [f"r{n}" for n in range(len(sample_ids))],
                "sample_id": pa.array(sample_ids, type=pa.string()),
                **{name: pa.array(votes, type=pa.int8()) for name, votes in columns.items()},
            }
        ),
        path,
    )
    return path


def entries(masks):
    found = unfold(masks)
    return [(masks.sample_ids[s].as_py(), *(int(v) for v in rest)) for s, *rest in zip(*found, strict=True)]


def test_rows_of_a_sample_are_pooled_over_blocks_and_sorted(tmp_path):
    one = write(tmp_path / "one", ["b", "a", "b"], x=[1, 0, -1], y=[None, -1, None])
    two = write(tmp_path / "two", ["c", "a"], z=[0, 1])
    masks = read_masks({one: [(0, "x"), (1, "y")], two: [(2, "z")]}, 3)
    assert masks.sample_ids.to_pylist() == ["a", "b", "c"]
    assert entries(masks) == [("a", 1, 0, 1), ("a", 2, 1, 0), ("b", 0, 1, 1)]


def test_more_labelers_than_a_word_has_bits(tmp_path):
    names = [f"m{m}" for m in range(130)]
    block = write(tmp_path / "b", ["s"], **{name: [1 if m % 2 else -1] for m, name in enumerate(names)})
    found = unfold(read_masks({block: list(enumerate(names))}, 130))
    assert found.labeler_V.tolist() == list(range(130))
    assert found.up_V.tolist() == [m % 2 for m in range(130)]


@pytest.mark.parametrize("tail", ["", "0"])
def test_ids_of_any_form_are_sorted_as_texts(tmp_path, tail):
    rng = np.random.default_rng(0)
    # equal first halves, and with a tail not of the usual length
    ids = [f"{number // 3:016x}{number % 3:016x}{tail}" for number in rng.permutation(600)]
    masks = read_masks({write(tmp_path / "b", ids, x=[1] * 600): [(0, "x")]}, 1)
    assert masks.sample_ids.to_pylist() == sorted(ids)


def test_no_rows_and_no_blocks_are_no_trouble(tmp_path):
    assert entries(read_masks({}, 2)) == []
    assert entries(read_masks({write(tmp_path / "b", [], x=[]): [(0, "x")]}, 1)) == []


@pytest.mark.parametrize(("meant", "same"), [(["b", "a", "a"], True), (["a"], False), (["a", "c"], False)])
def test_whether_the_samples_are_those_that_are_meant(tmp_path, meant, same):
    assert are_the_samples(pa.array(["a", "b"]), write(tmp_path / "rows", meant)) is same
