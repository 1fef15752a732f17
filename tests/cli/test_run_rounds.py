"""Rounds of training through the command: killed in the middle of the second, and gone on with."""

import json
import time

import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rounds")]

ROUNDS = {
    "read": None,
    "demo_log": {"rows": 200},
    "prepare": ["exact_dedup"],
    "label": {"rules": ["builtin:quickstart"]},
    "aggregate": {"when_no_evidence": "desirable"},
    "split": {"test": 0.3},
    "train": {
        "model": "tiny",
        "epochs": 1,
        "max_length": 32,
        "threads": 1,
        "sft": {"epochs": 1},
        "tiny": {"vocab_size": 320, "hidden_size": 16, "intermediate_size": 32, "layers": 1},
    },
    "evaluate": {"prompts": 4, "control": False, "max_new_tokens": 6},
    "rounds": {"n": 2, "prompts": 12, "max_new_tokens": 6},
}


@pytest.fixture(scope="module")
def gone_on(make_kto, tmp_path_factory):
    """A run that was killed with SIGKILL as the second round began to label, then finished."""
    kto = make_kto(tmp_path_factory.mktemp("rounds"))
    path = kto.pipeline(**ROUNDS)
    with kto.start("run", path) as process:
        until = time.monotonic() + 250
        while not list(kto.run_folder.glob("[0-9]*_r2_read-*")) and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
        assert process.wait() != 0
    assert not (kto.run_folder / "report.json").exists()
    done = kto("run", path, "--json")
    assert done.returncode == 0, done.stderr
    return kto, json.loads(done.stdout)


def test_a_killed_run_goes_on_in_the_round_it_was_in(gone_on):
    _, facts = gone_on
    reused = {step["step"]: step["reused"] for step in facts["lineage"]["steps"]}
    assert all(reused[name] for name in ("train", "evaluate", "r2_answers", "r2_read"))
    assert not reused["r2_train"]


def test_the_answers_are_to_training_prompts_and_stay_there(gone_on):
    kto, facts = gone_on
    shards = {
        side: pq.read_table(next((kto.run_folder / "dataset").glob(f"{side}-*"))).to_pylist()
        for side in ("train", "test")
    }
    answers = [row for row in shards["train"] if row["source"] == "round-2"]
    assert answers
    held_out = {row["prompt_id"] for row in shards["test"]}
    assert not {row["prompt_id"] for row in answers} & held_out
    assert not [row for row in shards["test"] if row["source"] == "round-2"]
    first, second = facts["training_rounds"]
    assert first["n_answers"] == 0
    assert second["n_answers"] == 12
    assert second["n_desirable"] + second["n_undesirable"] <= 12
    assert second["n_train"] == len(shards["train"]) > first["n_train"]


def test_rounds_stand_side_by_side_against_the_first_reference(gone_on):
    kto, facts = gone_on
    first, second = facts["training_rounds"]
    assert second["figures"]["auc"] == facts["evaluation"]["trained"]["auc"]
    assert first["figures"]["auc"]["estimate"] != second["figures"]["auc"]["estimate"]
    before, after = (
        pq.read_table(next(kto.run_folder.glob(f"[0-9][0-9]_{name}-*")) / "scores-trained.parquet")
        for name in ("evaluate", "r2_evaluate")
    )
    assert before["ref_logp"].equals(after["ref_logp"])
    assert not before["logp"].equals(after["logp"])
    assert "Rounds of training" in (kto.run_folder / "report.html").read_text()


def test_a_finished_run_repeats_its_figures_and_does_nothing(gone_on):
    kto, facts = gone_on
    done = kto("run", "p.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("reused") == len(facts["lineage"]["steps"])
    assert "held-out gain" in done.stdout
    explained = kto("explain", kto.run_folder, "round-2#answer-0", "--json")
    assert json.loads(explained.stdout)["votes"]
