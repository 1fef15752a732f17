"""Datasets of any format as tables."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.dataset.foreign.opened import open_dataset
from kto_data.errors import InputError

RECORDS = [{"prompt": f"q{n}", "completion": f"a{n}", "label": n % 2 == 0} for n in range(6)]


@pytest.fixture
def open_(tmp_path):
    def run(named):
        (tmp_path / "scratch").mkdir()
        opened = open_dataset(str(named), tmp_path / "scratch")
        return opened, pq.read_table(opened.rows).to_pylist(), pq.read_table(opened.selection).to_pylist()

    return run


def write(path, records=RECORDS):
    text = "".join(json.dumps(one) + "\n" for one in records)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif path.suffix == ".json":
        path.write_text(json.dumps(records))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet", "a.jsonl.gz"])
def test_rows_keep_their_order_and_their_place(tmp_path, open_, name):
    opened, rows, selection = open_(write(tmp_path / name))
    assert [row["prompt"][0]["content"] for row in rows] == [f"q{n}" for n in range(6)]
    assert [one["position"] for one in selection] == list(range(6))
    assert [one["label"] for one in selection] == [True, False] * 3
    assert rows[0]["row_id"] == f"{name}:1"
    assert (opened.n_records, opened.n_rows, opened.n_plain) == (6, {"train": 6}, 6)


def test_a_folder_has_splits_by_the_names_of_its_files(tmp_path, open_):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "train.jsonl")
    write(folder / "validation.jsonl", RECORDS[:2])
    (folder / "dataset_info.json").write_text("{}")
    opened, _, selection = open_(folder)
    assert opened.n_rows == {"train": 6, "test": 2}
    assert sorted(one["position"] for one in selection if one["split"] == "test") == [0, 1]


def test_pairs_come_in_the_order_that_trl_unpairs_them(tmp_path, open_):
    pairs = [{"prompt": f"q{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(1200)]
    _, _, selection = open_(write(tmp_path / "pairs.jsonl", pairs))
    labels = [one["label"] for one in sorted(selection, key=lambda one: one["position"])]
    assert labels == [True] * 1000 + [False] * 1000 + [True] * 200 + [False] * 200


def test_a_label_that_is_none_is_a_problem_and_no_row(tmp_path, open_):
    bad = (
        [RECORDS[0] | {"label": label} for label in (0.7, "true", None, 2)]
        + RECORDS[:1]
        + [RECORDS[1] | {"label": 0}]
    )
    opened, rows, _ = open_(write(tmp_path / "bad.jsonl", bad))
    assert len(rows) == 2
    assert opened.problems["bad_label"].count == 4
    assert opened.problems["bad_label"].examples[0] == "bad.jsonl:1"
    assert opened.label_types == {"float": 1, "str": 1, "missing": 1, "int": 2, "bool": 1}


def test_weights_sources_and_probabilities_are_taken_over(tmp_path, open_):
    given = [
        RECORDS[0]
        | {"weight": 2.5, "p_desirable": 0.75, "source": "chat", "created_at": "2026-03-01T00:00:00Z"}
    ]
    _, [row], [chosen] = open_(write(tmp_path / "a.jsonl", given))
    assert (chosen["weight"], chosen["p_desirable"], row["source"], row["created_at"].year) == (
        2.5,
        0.75,
        "chat",
        2026,
    )


def test_halos_names_its_splits_itself(tmp_path, open_):
    message = [{"role": "user", "content": "q"}]
    answer = [{"role": "assistant", "content": "a"}]
    records = [
        {"prompt": message, "output": answer, "label": 1, "type": "binary_feedback", "split": split}
        for split in ("train", "test")
    ]
    opened, _, _ = open_(write(tmp_path / "feedback.json", records))
    assert opened.n_rows == {"train": 1, "test": 1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path / "gone.jsonl", "no such file or folder, and no id of the Hugging Face hub"),
        (lambda path: write(path / "a.jsonl", [{"foo": 1}]), "no row of a KTO dataset can be read"),
        (lambda path: path, "holds no .parquet"),
    ],
)
def test_what_is_no_dataset_is_refused(tmp_path, open_, make, said):
    with pytest.raises(InputError, match=said):
        open_(make(tmp_path))
