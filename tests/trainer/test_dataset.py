import json

import numpy as np
import pyarrow as pa
import pytest
from kto_trainer.dataset import read_split, require_both_classes
from kto_trainer.errors import TrainerError


@pytest.fixture
def rows(make):
    return [make.row(2, True), make.row(0, False), make.row(1, True)]


def test_rows_come_back_sorted_by_row_id_whatever_the_file_order(make, tmp_path):
    ordered = [make.row(n, n % 2 == 0) for n in range(5)]
    one = read_split(make.dataset(tmp_path / "one", ordered), "train")
    other = read_split(make.dataset(tmp_path / "other", ordered[::-1]), "train")
    assert sorted(one.texts()) == sorted(other.texts())
    assert one.labels_N.tolist() == other.labels_N.tolist() == [True, False, True, False, True]
    for split in (one, other):
        assert split.columns(["row_id"])["row_id"].to_pylist() == [f"log#{n:04d}" for n in range(5)]


def test_several_shards_are_one_split(make, tmp_path):
    folder = make.dataset(tmp_path / "data", [make.row(n, n == 1, f"p{n}") for n in (4, 1)])
    other = make.dataset(tmp_path / "other", [make.row(n, False, f"p{n}") for n in (3, 2)])
    (other / "train-00000.parquet").rename(folder / "train-00001.parquet")
    both = [json.loads((path / "manifest.json").read_text())["shards"][0] for path in (folder, other)]
    change(folder, shards=[both[0], both[1] | {"path": "train-00001.parquet"}])
    split = read_split(folder, "train")
    assert split.labels_N.tolist() == [True, False, False, False]
    assert [(row.number, row.prompt[0]["content"]) for row in split.texts()] == [
        (3, "p4"),
        (0, "p1"),
        (2, "p3"),
        (1, "p2"),
    ]


def test_integer_labels_and_absent_weights_are_accepted(make, tmp_path):
    rows = [{k: v for k, v in make.row(n, n).items() if k != "weight"} for n in (0, 1)]
    split = read_split(make.dataset(tmp_path / "data", rows), "train")
    assert split.labels_N.tolist() == [False, True]
    assert split.weights_N.tolist() == [1.0, 1.0]


def test_class_weights_come_from_the_manifest(make, tmp_path):
    weights = {"desirable_weight": 1.0, "undesirable_weight": 1.3, "reason": "3 to 1"}
    assert read_split(
        make.dataset(tmp_path / "data", [make.row(0, True)], weights=weights), "train"
    ).class_weights() == (
        1.0,
        1.3,
    )


def with_column(make, name, values, kind=None):
    table = pa.Table.from_pylist([make.row(0, True), make.row(1, False)])
    return table.set_column(table.column_names.index(name), name, pa.array(values, kind))


@pytest.mark.parametrize(
    ("column", "values", "kind", "message"),
    [
        ("label", [0.7, 1.0], None, "label has type double; labels are bool, or the integers 0 and 1"),
        ("label", ["true", "false"], None, "label has type string"),
        ("label", [2, 0], None, "row 0: label is 2"),
        ("label", [True, None], None, "row 1: label is None"),
        ("weight", [1.0, float("nan")], None, "row 1: weight is nan"),
        ("weight", [-1.0, 1.0], None, "row 0: weight is -1.0"),
        ("weight", [None, 1.0], pa.float32(), "row 0: weight is None"),
        ("weight", ["1", "1"], None, "weight has type string"),
        ("prompt", [3, 4], None, "row 0: prompt is neither text nor a non-empty list of messages"),
        ("completion", ["fine", None], None, "row 1: completion is neither text"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_row(make, tmp_path, column, values, kind, message):
    folder = make.dataset(tmp_path / "data", with_column(make, column, values, kind))
    with pytest.raises(TrainerError) as caught:
        list(read_split(folder, "train").texts())
    assert message in str(caught.value)
    assert "train-00000.parquet" in str(caught.value)


def change(folder, **fields):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "no list `shards`"),
        (lambda folder: change(folder, schema_version=2), "schema_version is 2, this trainer reads 1"),
        (
            lambda folder: (folder / "train-00000.parquet").unlink(),
            "the manifest lists this shard but it is not there",
        ),
        (
            lambda folder: (folder / "train-00000.parquet").write_bytes(b"x"),
            "sha256 differs from the manifest's",
        ),
        (lambda folder: change(folder, shards=[{"path": "../x", "split": "train"}]), "it is not there"),
        (lambda folder: change(folder, shards=[]), "the split 'train' is empty"),
    ],
)
def test_a_folder_that_is_not_what_its_manifest_says_is_refused(make, tmp_path, rows, spoil, message):
    folder = make.dataset(tmp_path / "data", rows)
    spoil(folder)
    with pytest.raises(TrainerError, match=message) as caught:
        read_split(folder, "train")
    assert "\n" not in str(caught.value)


def test_missing_columns_are_all_named(make, tmp_path):
    table = pa.Table.from_pylist([make.row(0, True)]).drop_columns(["label", "row_id"])
    with pytest.raises(TrainerError, match="missing columns: label, row_id"):
        read_split(make.dataset(tmp_path / "data", table), "train")


@pytest.mark.parametrize(("weight", "shown"), [("NaN", "nan"), ("-1", "-1"), ('"1"', "'1'")])
def test_a_class_weight_that_is_no_weight_is_refused(make, tmp_path, weight, shown):
    folder = make.dataset(tmp_path / "data", [make.row(0, True)])
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(
        text.replace('"undesirable_weight": 1.0', f'"undesirable_weight": {weight}')
    )
    with pytest.raises(TrainerError, match=f"a class weight is {shown}"):
        read_split(folder, "train").class_weights()


@pytest.mark.parametrize(("label", "word"), [(True, "desirable"), (False, "undesirable")])
def test_one_class_is_refused_with_the_key_to_set(label, word):
    with pytest.raises(TrainerError, match=rf"is {word}; .*aggregate\.when_no_evidence"):
        require_both_classes(np.array([label, label]), "data")
    require_both_classes(np.array([True, False]), "data")
