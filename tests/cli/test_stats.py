"""`kto stats`: the balance of a dataset folder."""

import json
import re

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow


def test_the_balance_is_that_of_the_shards(kto):
    kto.records(40)
    assert kto("run", kto.pipeline()).returncode == 0
    shards = {
        split: pq.read_table(next((kto.run_folder / "dataset").glob(f"{split}-*")))["label"].to_pylist()
        for split in ("train", "test")
    }
    done = kto("stats", "runs/mine/dataset")
    for split, labels in shards.items():
        [line] = [line for line in done.stdout.splitlines() if re.match(rf"{split} +\d+ rows:", line)]
        assert f"{len(labels)} rows: {sum(labels)} desirable ({sum(labels) / len(labels):.1%})" in line
        assert f"{len(labels) - sum(labels)} undesirable" in line
    document = json.loads(kto("stats", "runs/mine/dataset", "--json").stdout)
    assert document["counts"]["train"]["desirable"] == sum(shards["train"])
    weights = document["weights"]
    assert f"desirable_weight {weights['desirable_weight']:g}, " in done.stdout
    assert weights["reason"] in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("folder", "said"), [("gone", "gone: no such file or folder"), (".", "holds no .parquet")]
)
def test_what_is_no_dataset_is_refused(kto, folder, said):
    done = kto("stats", folder)
    assert done.returncode == 2
    assert said in done.stderr
