"""The dataset folder: shards, manifest and their bytes."""

import hashlib
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.dataset.manifest import ManifestWeights
from kto_data.errors import InputError

WEIGHTS = ManifestWeights(desirable_weight=1.0, undesirable_weight=2.0, reason="because")


def rows_of(row, n_rows, n_test=0):
    return [row(n, label=n % 2 == 0, split="test" if n < n_test else "train") for n in range(n_rows)]


def row_ids(folder, split="train"):
    return [
        i for path in sorted(folder.glob(f"{split}-*")) for i in pq.read_table(path)["row_id"].to_pylist()
    ]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_manifest_tells_shards_counts_weights_order_and_lineage(row, write):
    folder, _ = write(rows_of(row, 5, n_test=2), weights=WEIGHTS)
    manifest = json.loads((folder / "manifest.json").read_text())
    hashes = {
        split: hashlib.sha256((folder / f"{split}-00000.parquet").read_bytes()).hexdigest()
        for split in ("train", "test")
    }
    assert manifest == {
        "schema_version": 1,
        "name": "test data",
        "shards": [
            {"path": "train-00000.parquet", "split": "train", "rows": 3, "sha256": hashes["train"]},
            {"path": "test-00000.parquet", "split": "test", "rows": 2, "sha256": hashes["test"]},
        ],
        "counts": {
            "train": {"rows": 3, "desirable": 2, "undesirable": 1},
            "test": {"rows": 2, "desirable": 1, "undesirable": 1},
        },
        "weights": {"desirable_weight": 1.0, "undesirable_weight": 2.0, "reason": "because"},
        "order": {"kind": "shuffled", "seed": 7, "batch_rows": None, "facts": {}, "reason": ""},
        "seed": 7,
        "lineage": {"rows": "abc"},
    }


def test_a_shard_has_trl_s_columns_first_and_plain_messages(row, write):
    folder, _ = write([row(0, p_desirable=0.75)])
    table = pq.read_table(folder / "train-00000.parquet")
    assert table.column_names[:4] == ["prompt", "completion", "label", "weight"]
    assert table.schema.field("label").type == pa.bool_()
    [found] = table.to_pylist()
    assert found["prompt"] == [{"role": "user", "content": "question 0"}]
    assert found["completion"] == [{"role": "assistant", "content": "answer 0"}]
    assert (found["label"], found["p_desirable"], found["decided_by"]) == (True, 0.75, "rules")
    assert table.schema.metadata[b"kto_data.schema_version"] == b"1"


def test_a_rare_message_field_appears_where_any_message_has_it(row, write):
    named = [{"role": "user", "content": "a", "name": "Ann"}, {"role": "user", "content": "b"}]
    folder, _ = write([row(0, prompt=named), row(1), row(2)])
    table = pq.read_table(folder / "train-00000.parquet")
    prompts = {r["row_id"]: r["prompt"] for r in table.to_pylist()}
    assert prompts["log#0000"] == [
        {"role": "user", "content": "a", "name": "Ann"},
        {"role": "user", "content": "b", "name": None},
    ]
    assert prompts["log#0001"] == [{"role": "user", "content": "question 1", "name": None}]


@pytest.mark.parametrize(
    ("n_rows", "limit", "expected"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 50_000, [2]), (5, 1, [1] * 5)]
)
def test_shards_hold_at_most_their_number_of_rows(row, write, n_rows, limit, expected):
    folder, manifest = write(rows_of(row, n_rows), max_rows_per_shard=limit)
    assert [shard.rows for shard in manifest.shards] == expected
    assert [shard.path for shard in manifest.shards] == [
        f"train-{n:05}.parquet" for n in range(len(expected))
    ]
    assert sorted(row_ids(folder)) == [f"log#{n:04}" for n in range(n_rows)]


def test_shards_of_several_row_groups_hold_every_row_once(row, write):
    folder, manifest = write(rows_of(row, 2500), max_rows_per_shard=1500)
    assert [shard.rows for shard in manifest.shards] == [1000, 1000, 500]  # whole row groups of 1000
    assert sorted(row_ids(folder)) == [f"log#{n:04}" for n in range(2500)]


def test_the_rows_stand_in_the_order_of_their_positions(row, write, inputs):
    rows = rows_of(row, 20)
    selection = pq.read_table(inputs(rows)[0]["selection"]).sort_by("position")
    folder, _ = write(rows, max_rows_per_shard=6)
    assert row_ids(folder) == selection["row_id"].to_pylist()


def test_equal_input_gives_equal_bytes_whatever_its_order(row, write):
    rows = rows_of(row, 60, n_test=20)
    first, _ = write(rows, "first")
    second, _ = write(random.Random(5).sample(rows, len(rows)), "second")
    assert contents(first) == contents(second)


def test_another_seed_gives_another_order(row, write):
    rows = rows_of(row, 60)
    assert (
        contents(write(rows, "a", seed=1)[0])["train-00000.parquet"]
        != (contents(write(rows, "b", seed=2)[0])["train-00000.parquet"])
    )


def test_writing_again_leaves_nothing_of_the_dataset_before(row, write):
    folder, _ = write(rows_of(row, 9, n_test=2), max_rows_per_shard=2)
    (folder / "notes.txt").write_text("mine")
    (folder / ".train-00009.parquet.partial").write_text("half")
    write(rows_of(row, 3))
    assert set(contents(folder)) == {
        "README.md",
        "balance.json",
        "croissant.json",
        "manifest.json",
        "notes.txt",
        "train-00000.parquet",
    }


def test_an_evaluation_only_folder_has_just_a_test_split_if_asked_for(row, write):
    rows = [row(n, split="test") for n in range(3)]
    with pytest.raises(InputError, match=r"lower `split\.test`"):
        write(rows)
    folder, manifest = write(rows, allow_empty_train=True)
    assert [shard.path for shard in manifest.shards] == ["test-00000.parquet"]
    assert manifest.counts["train"].rows == 0
    assert "train-" not in (folder / "README.md").read_text()


def test_nothing_to_write_is_an_error(row, write):
    with pytest.raises(InputError, match="no row has a label"):
        write([row(0, label=None)], allow_empty_train=True)


def test_progress_adds_up_to_the_rows(row, write):
    seen = []
    write(rows_of(row, 7, n_test=2), max_rows_per_shard=2, advance=seen.append)
    assert sum(seen) == 7


def test_balance_json_holds_what_was_counted(row, write):
    folder, _ = write(rows_of(row, 5), balance={"train": {"n_desirable": 3}, "order": {}})
    assert json.loads((folder / "balance.json").read_text()) == {"train": {"n_desirable": 3}, "order": {}}
