"""`evaluate`: the same files as `score` and `generate` write, from one process."""

import json

import pyarrow.parquet as pq
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("trained"),
]  # one worker makes the training that they share


@pytest.fixture(scope="module")
def evaluated(trained, make, tmp_path_factory):
    data, out, _ = trained
    folder = tmp_path_factory.mktemp("evaluated")
    models = ("--model", out / "checkpoint", "--reference", out / "reference")
    few = ("--limit", 4, "--max-new-tokens", 12)
    done = make.run(
        "evaluate",
        "--data",
        data,
        *models,
        "--control",
        out / "reference",
        "--output",
        folder,
        *few,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_scores_and_answers_are_those_of_the_single_commands(evaluated, trained, make, tmp_path):
    data, out, _ = trained
    folder, told = evaluated
    models = ("--model", out / "checkpoint", "--reference", out / "reference")
    done = make.run("score", "--data", data, *models, "--output", tmp_path / "s.parquet", "--json")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(folder / "scores-trained.parquet").equals(pq.read_table(tmp_path / "s.parquet"))
    assert told["scores"]["trained"]["kl"] == json.loads(done.stdout)["kl"]
    done = make.run(
        "generate", "--data", data, "--model", out / "checkpoint", "--output", tmp_path / "g.parquet",
        "--limit", 4, "--max-new-tokens", 12,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    mine = pq.read_table(folder / "generations-trained.parquet")
    assert mine.drop(["kl"]).equals(pq.read_table(tmp_path / "g.parquet"))
    assert all(one >= 0 for one in mine["kl"].to_pylist())


def test_the_reference_scores_nothing_above_itself(evaluated):
    folder, _ = evaluated
    assert set(pq.read_table(folder / "scores-control.parquet")["reward"].to_pylist()) == {0.0}
    assert "kl" not in pq.read_schema(folder / "generations-reference.parquet").names


def test_another_models_tokens_are_refused(trained, make, tmp_path):
    data, out, _ = trained
    other = tmp_path / "other"
    done = make.run(
        "train", "--data", data, "--output", other, *make.fast, "--tiny-vocab-size", 300, "--epochs", 1
    )
    assert done.returncode == 0, done.stderr
    done = make.run(
        "evaluate", "--data", data, "--model", out / "checkpoint", "--reference", other / "reference",
        "--output", tmp_path / "e",
    )  # fmt: skip
    assert done.returncode == 2
    assert "is not the model's reference" in done.stderr
    assert not (tmp_path / "e").exists()
