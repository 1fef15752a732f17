"""Parquet straight from its columns: the rows are those of `read_records`."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.readers import ReadEntry, expand, read_records
from kto_data.readers.arrow_rows import ArrowRows

NAMES = ["row_id", "sample_id", "prompt", "completion", "source", "model", "finish_reason"]


def slow(folder, name="in.parquet"):
    read_records(
        [ReadEntry(path=name)],
        base=folder,
        rows_path=folder / "rows.parquet",
        quarantined_path=folder / "quarantined.parquet",
        advance=lambda n_rows: None,
    )
    return pq.read_table(folder / "rows.parquet"), pq.read_table(folder / "quarantined.parquet").to_pylist()


def quick(folder, reads=(), name="in.parquet", batch_rows=3):
    [file] = expand([ReadEntry(path=name)], folder)
    arrow = ArrowRows.of(file, reads)
    if arrow is None:
        return None
    rows, quarantined, before = [], [], 0
    for batch in pq.ParquetFile(folder / name).iter_batches(batch_rows):
        made, unreadable = arrow.rows(batch, before)
        rows.append(made)
        quarantined += unreadable
        before += batch.num_rows
    return pa.Table.from_batches(rows), quarantined


def assert_equal(folder, table, reads=()):
    pq.write_table(table, folder / "in.parquet")
    found = quick(folder, reads)
    assert found is not None
    rows, quarantined = slow(folder)
    assert found[0].select(NAMES).to_pylist() == rows.select(NAMES).to_pylist()
    assert found[1] == quarantined


def test_texts_become_the_rows_of_the_readers(tmp_path):
    table = pa.table(
        {
            "id": ["a", "b", "c", "d"],
            "prompt": ['Say "hi"\\\n\t\x01', "é", " ", "x"],
            "completion": ["hi\r\n", "ok\x7f", "y", " \u00a0 "],
            "model": ["m", "", None, "n"],
        }
    )
    assert_equal(tmp_path, table)


def test_lists_of_messages_become_the_rows_of_the_readers(tmp_path):
    def message(role, content):
        return {"role": role, "content": content}

    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    prompts = [
        [message("system", "Be kind."), message("user", "Hi")],
        [message("user", " ")],
        [],
        None,
        [message("robot", "Hi")],
        [message("user", None)],
        [message("user", "a"), message("assistant", ""), message("user", "b")],
    ]
    completions = [[message("assistant", "Yes.")]] * 6 + [
        [message("tool", "7"), message("assistant", "It is 7.")]
    ]
    table = pa.table({"prompt": pa.array(prompts, kind), "completion": pa.array(completions, kind)})
    assert_equal(tmp_path, table)
    user_only = [[message("user", "Hi")]] * 2
    answers = [[message("user", "Hi")], [message("assistant", None), message("assistant", "Hi")]]
    assert_equal(
        tmp_path, pa.table({"prompt": pa.array([*user_only], kind), "completion": pa.array(answers, kind)})
    )


def test_bytes_that_are_no_utf8_are_quarantined(tmp_path):
    data = b"ok\xff\xfefine"
    offsets = pa.array([0, 2, 4, 8], pa.int32())
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets.buffers()[1], pa.py_buffer(data)])
    assert_equal(tmp_path, pa.table({"prompt": ["a", "b", "c"], "completion": broken}))


def test_wanted_metadata_comes_with_the_rows(tmp_path):
    table = pa.table({"prompt": ["a"], "completion": ["b"], "thumb": ["up"], "n": pa.array([3], pa.int8())})
    pq.write_table(table, tmp_path / "in.parquet")
    rows, _ = quick(tmp_path, {"meta.thumb", "meta.n", "meta.none"})
    assert rows["meta"].to_pylist() == [{"n": 3, "thumb": "up"}]


@pytest.mark.parametrize(
    "columns",
    [
        {"prompt": ["a"], "completion": ["b"], "next_turn": ["c"]},
        {"prompt": ["a"], "completion": ["b"], "system": ["c"]},
        {"prompt": ["a"], "completion": [1]},
        {"prompt": ["a", "b"], "completion": ["b", "c"], "id": ["x", "x"]},
        {"prompt": ["a", "b"], "completion": ["b", "c"], "id": ["x", None]},
        {"prompt": ["a", "b"], "completion": ["b", "c"], "id": [2, 2]},
        {"prompt": ["a"], "completion": ["b"], "user": [{"plan": "x"}]},
    ],
)
def test_what_is_not_of_the_usual_shape_is_left_to_the_readers(tmp_path, columns):
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    assert quick(tmp_path, {"meta.user"}) is None


def test_a_file_of_json_lines_is_left_to_the_readers(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": "a", "completion": "b"}))
    assert quick(tmp_path, name="in.jsonl") is None


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(*[st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)] * 2),
        min_size=1,
        max_size=9,
    )
)
def test_random_texts_become_the_rows_of_the_readers(tmp_path_factory, pairs):
    prompts, completions = zip(*[*pairs, ("a", "b")], strict=True)
    table = pa.table(
        {"prompt": pa.array(prompts, pa.string()), "completion": pa.array(completions, pa.string())}
    )
    assert_equal(tmp_path_factory.mktemp("rows"), table)


def test_a_record_with_bytes_that_are_no_utf8_anywhere_is_quarantined(tmp_path):
    offsets = pa.array([0, 2, 4], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"ok\xff\xfe")])
    assert_equal(tmp_path, pa.table({"prompt": ["a", "b"], "completion": ["c", "d"], "note": broken}))
