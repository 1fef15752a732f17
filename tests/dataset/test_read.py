"""A dataset folder read back and verified."""

import json

import pytest

from kto_data.dataset.read import iter_batches, read_manifest, verify
from kto_data.errors import InputError


@pytest.fixture
def dataset(row, write):
    return write([row(n, split="test" if n < 2 else "train") for n in range(6)], max_rows_per_shard=2)


def change(folder, **keys):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_what_was_written_is_what_is_read(dataset):
    folder, manifest = dataset
    assert read_manifest(folder) == manifest
    assert verify(folder) == manifest


def test_batches_run_through_the_shards_of_a_split(dataset):
    folder, _ = dataset
    train = [row_id for batch in iter_batches(folder, "train") for row_id in batch["row_id"].to_pylist()]
    assert sorted(train) == [f"log#{n:04}" for n in range(2, 6)]
    assert sum(batch.num_rows for batch in iter_batches(folder, "test", batch_rows=1)) == 2


def test_a_split_without_rows_has_no_batches(row, write):
    assert list(iter_batches(write([row(0)])[0], "test")) == []


def test_a_missing_folder_or_manifest_is_named(dataset, tmp_path):
    with pytest.raises(InputError, match="no such dataset folder"):
        read_manifest(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no manifest\.json, so it is no finished dataset"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"schema_version": 2}, "schema_version is 2, but this kto-data reads 1"),
        ({"schema_version": None}, "schema_version is None"),
        (
            {"shards": [{"path": "../x.parquet", "split": "train", "rows": 1, "sha256": "0" * 64}]},
            "shards.0.path",
        ),
        ({"weights": {}}, "weights.desirable_weight"),
    ],
)
def test_a_manifest_that_is_not_one_is_explained(dataset, keys, expected):
    folder, _ = dataset
    change(folder, **keys)
    with pytest.raises(InputError) as caught:
        read_manifest(folder)
    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_broken_manifest_is_an_input_error(dataset, text):
    folder, _ = dataset
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"manifest\.json"):
        read_manifest(folder)


def test_everything_that_was_changed_is_found_at_once(dataset):
    folder, manifest = dataset
    (folder / "train-00000.parquet").write_bytes(b"other")
    (folder / "train-00001.parquet").unlink()
    counts = manifest.model_dump(mode="json")["counts"]
    counts["test"]["rows"] = 9
    change(folder, counts=counts)
    with pytest.raises(InputError) as caught:
        verify(folder)
    message = str(caught.value)
    assert "train-00000.parquet: was changed" in message
    assert "train-00001.parquet: is listed in the manifest, but not there" in message
    assert "counts 9 test rows, but its shards hold 2" in message


def test_a_shard_with_other_rows_than_stated_is_found(dataset):
    folder, manifest = dataset
    shards = manifest.model_dump(mode="json")["shards"]
    shards[0]["rows"] = 5
    change(folder, shards=shards)
    with pytest.raises(InputError, match="has 2 rows, but the manifest says 5"):
        verify(folder)
