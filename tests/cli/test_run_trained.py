"""A whole run through the command, from a made-up log to a trained checkpoint; and real input up to its dataset."""

import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import kto_data
from kto_data.config.yaml_file import load_yaml
from kto_data.pipeline.shipped import shipped_pipeline

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]  # one worker, one training

SMALL = {
    "name": "mine",
    "seed": 5,
    "read": None,
    "demo_log": {"rows": 300},
    "prepare": ["exact_dedup"],
    "label": {
        "rules": ["builtin:quickstart"],
        "feedback": {"thumbs": {"column": "meta.thumb", "precision": {"mean": 0.75}}},
    },
    "aggregate": {"when_no_evidence": "desirable"},
    "split": {"test": 0.3},
    "train": {
        "model": "tiny",
        "epochs": 1,
        "max_length": 48,
        "threads": 1,
        "sft": {"epochs": 1},
        "tiny": {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 64},
    },
    "evaluate": {"prompts": 8, "rules": ["builtin:quickstart-held-out"], "max_new_tokens": 12},
}


JUDGE = """\
version: 1
id: strict
model: m
backend: {openai: {base_url: "%s"}}
"""


@pytest.fixture(scope="module")
def finished(make_kto, tmp_path_factory):
    kto = make_kto(tmp_path_factory.mktemp("trained"))
    done = kto("run", kto.pipeline(**SMALL))
    assert done.returncode == 0, done.stderr
    return kto, done


def evaluation(kto):
    return json.loads((kto.run_folder / "evaluation.json").read_text())


def scores(kto, name):
    [path] = kto.run_folder.glob(f"[0-9]*_evaluate-*/scores-{name}.parquet")
    return pq.read_table(path).to_pylist()


def auc(values, labels):
    """The share of pairs of a desirable and an undesirable row in which the desirable one stands higher."""
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, up in zip(values, labels, strict=True)
        for b, down in zip(values, labels, strict=True)
        if up and not down
    ]
    return sum(pairs) / len(pairs)


def test_the_checkpoint_is_one_that_transformers_loads(finished):
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(finished[0].run_folder / "checkpoint")
    tokenizer = transformers.AutoTokenizer.from_pretrained(finished[0].run_folder / "checkpoint")
    made = model.generate(**tokenizer("How do I", return_tensors="pt"), max_new_tokens=3, do_sample=False)
    assert made.shape[0] == 1
    assert made.shape[1] > len(tokenizer("How do I")["input_ids"])
    training = json.loads((finished[0].run_folder / "report.json").read_text())["training"]
    assert training["n_parameters"] == model.num_parameters()
    assert {point["stage"] for point in training["curves"]} == {"sft", "kto", "control"}


def test_the_figures_are_those_of_the_scores(finished):
    kto, _ = finished
    found, trained, control = evaluation(kto), scores(kto, "trained"), scores(kto, "control")
    labels = [row["label"] for row in trained]
    assert found["n_rows"] == len(trained) > 40
    assert 0 < sum(labels) < len(labels)
    expected = {
        "reference": auc([row["ref_logp"] / row["n_tokens"] for row in trained], labels),
        "trained": auc([row["reward"] for row in trained], labels),
        "control": auc([row["reward"] for row in control], [row["label"] for row in control]),
    }
    for name, value in expected.items():
        assert found[name]["auc"]["estimate"] == pytest.approx(value)
        assert found[name]["auc"]["lower"] <= value <= found[name]["auc"]["upper"]
        pairs = found[name]["pair_accuracy"]
        assert 0 <= pairs["lower"] <= pairs["estimate"] <= pairs["upper"] <= 1
    assert sum(found["rewards"]["n_desirable"]) + sum(found["rewards"]["n_undesirable"]) <= len(trained)
    assert [row["row_id"] for row in trained] == [row["row_id"] for row in control]
    assert [row["reward"] for row in trained] != [row["reward"] for row in control]


def test_held_out_rows_are_of_other_prompts_and_labelled_by_the_truth(finished):
    kto, _ = finished
    [folder] = kto.run_folder.glob("01_demo_log-*")
    truth = {
        line["id"]: line["desirable"]
        for line in map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
    }
    rows = scores(kto, "trained")
    assert [row["label"] for row in rows] == [truth[row["row_id"].split("#")[1]] for row in rows]
    trained_on = pq.read_table(next((kto.run_folder / "dataset").glob("train-*")))["prompt_id"].to_pylist()
    assert not {row["prompt_id"] for row in rows} & set(trained_on)
    assert evaluation(kto)["labels_from"] == "the truth"


def test_what_both_models_write_is_judged_by_rules_of_both_kinds(finished):
    generated = evaluation(finished[0])["generated"]
    assert generated["n_prompts"] == 8
    for key in ("training_labelers", "held_out_labelers"):
        for model in ("reference", "trained"):
            share = generated[key][model]
            assert share["n"] == 8
            assert 0 <= share["lower"] <= share["estimate"] <= share["upper"] <= 1
        difference = generated[key]["trained"]["estimate"] - generated[key]["reference"]["estimate"]
        assert generated[key]["difference"]["estimate"] == pytest.approx(difference)
    assert not set(generated["training_labelers"]["labelers"]) & set(
        generated["held_out_labelers"]["labelers"]
    )
    assert all(generated["mean_words"][model] > 0 for model in ("reference", "trained"))


def test_the_same_figures_are_printed_and_reported(finished):
    kto, done = finished
    found = evaluation(kto)
    for name in ("reference", "trained", "control"):
        assert f"{found[name]['auc']['estimate']:.3f}".removeprefix("0") in done.stdout
    assert json.loads((kto.run_folder / "report.json").read_text())["evaluation"] == found
    assert "control" in (kto.run_folder / "report.html").read_text()
    assert "model    runs/mine/checkpoint" in done.stdout


def test_a_second_run_trains_nothing(finished):
    kto, _ = finished
    before = evaluation(kto)
    again = json.loads(kto("run", "p.yaml", "--json").stdout)
    assert [step["step"] for step in again["lineage"]["steps"] if not step["reused"]] == []
    assert again["evaluation"] == before


def test_another_seed_gives_other_figures_and_a_judge_that_is_held_out_is_asked_about_answers_alone(
    finished, judge_server
):
    kto, _ = finished
    kto.write("strict.yaml", JUDGE % judge_server.url)
    judge_server.script = lambda request, n: json.dumps({"reason": "x", "verdict": "undesirable"})
    few = {"prompts": 2, "control": False, "max_new_tokens": 2, "labelers": ["strict.yaml"]}
    spec = SMALL | {"seed": 6, "evaluate": few}
    done = kto("run", kto.pipeline(**spec), "--runs", "other", "--json")
    assert done.returncode == 0, done.stderr
    other = json.loads(done.stdout)["evaluation"]
    assert other["trained"]["auc"] != evaluation(kto)["trained"]["auc"]
    held_out = other["generated"]["held_out_labelers"]
    assert (held_out["labelers"], held_out["n_not_judged"]) == (["judge:strict"], 0)
    assert [held_out[model]["estimate"] for model in ("reference", "trained")] == [0.0, 0.0]
    assert 2 <= sum(judge_server.paid.values()) <= 4  # two models' answers to two prompts; equal ones once
    assert "judge:strict" in (kto.folder / "other" / "mine" / "report.html").read_text()


def test_a_run_is_evaluated_again_with_the_same_figures_and_a_gate_that_closes(finished):
    kto, _ = finished
    kto.pipeline(**SMALL | {"seed": 6})  # the run's own seed counts, not what the file says by now
    gate = kto.write("gate.yaml", "auc: {min: 1.01}\nkl: {max: 1000}\n")
    done = kto("evaluate", kto.run_folder, "--gate", gate, "--json")
    assert done.returncode == 1
    assert done.stderr.count("gate: ") == 1
    assert "gate: auc is " in done.stderr
    found = json.loads(done.stdout)
    assert [limit["passed"] for limit in found["gate"]["limits"]] == [False, True]
    assert {name: value for name, value in found.items() if name not in ("gate", "folder")} == evaluation(kto)
    assert (
        json.loads((kto.run_folder / "evaluation" / "evaluation.json").read_text())["gate"] == found["gate"]
    )


def test_what_training_changed_beside_the_ranking_has_intervals(finished):
    found = evaluation(finished[0])
    generated = found["generated"]
    for figure in (
        found["perplexity"]["ratio"],
        generated["kl"],
        generated["length_ratio"],
        generated["refusals"]["change"],
        generated["rule_gaming"]["gap"],
    ):
        assert figure["lower"] <= figure["estimate"] <= figure["upper"]
    assert generated["kl"]["lower"] >= 0
    assert "gaming" in generated["rule_gaming"]["words"]
    assert sum(one["n"] for one in found["calibration"]["bins"]) == found["n_rows"]


def test_a_dataset_trains_and_any_checkpoint_is_evaluated_on_it(finished):
    kto, _ = finished
    options = json.loads((kto.run_folder / "checkpoint" / "kto_options.json").read_text())
    config = kto.write("train.json", json.dumps({**options, "model": "tiny"}))
    data = kto.run_folder / "dataset"
    done = kto("train", data, "-o", "trained", "--config", config, "--seed", 9, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    weights = json.loads((data / "manifest.json").read_text())["weights"]
    assert report["weights"]["desirable"] == weights["desirable_weight"]
    assert report["options"]["seed"] == 9
    few = ("--prompts", 2, "--max-new-tokens", 3)
    done = kto(
        "evaluate",
        "--checkpoint",
        "trained/checkpoint",
        "--data",
        data,
        "--labelers",
        "builtin:sums",
        *few,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["generated"]["held_out_labelers"]["labelers"] == ["wrong-sum"]
    assert found["generated"]["n_prompts"] == 2
    assert "control" not in found


def test_mistakes_in_training_and_evaluating_are_told_before_any_work(finished):
    kto, _ = finished
    for arguments, code, words in (
        (("train", "nowhere", "-o", "t"), 2, "no such dataset folder"),
        (("train", kto.run_folder / "dataset", "-o", "t", "--epoch", 3), 2, "--epoch"),
        (("evaluate",), 2, "name either a run folder"),
        (("evaluate", kto.run_folder, "--checkpoint", "c", "--data", "d"), 2, "name either a run folder"),
        (("evaluate", kto.run_folder, "--labelers", "builtin:quickstart"), 2, "cannot be held out"),
        (
            ("evaluate", "--checkpoint", "c", "--data", kto.run_folder / "dataset"),
            2,
            "config.json is missing",
        ),
    ):
        done = kto(*arguments)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr


@pytest.fixture
def xstest():
    """The xstest pipeline without its training, and the folder that holds its input."""
    beside = Path(kto_data.__file__).parents[2] / "shared" / "data"
    samples = Path(os.environ.get("KTO_SAMPLES", beside))
    if not (samples / "xstest_completions").is_dir():
        pytest.skip("xstest_completions is not there: set KTO_SAMPLES to the folder that holds it")
    spec = load_yaml(shipped_pipeline("xstest")).data
    return {key: value for key, value in spec.items() if key not in ("train", "evaluate")}, samples


def test_real_outputs_with_real_votes_become_a_dataset(kto, xstest):
    spec, samples = xstest
    kto.write("xstest.yaml", json.dumps(spec))
    done = kto("run", "xstest.yaml", "--json", KTO_SAMPLES=str(samples))
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    faults = {labeler["labeler"]: labeler["n_faults"] for labeler in facts["labelers"]}
    assert faults == {"string-match": 0, "judge:gpt-4": 5, "human:1": 0, "human:2": 0}
    assert facts["labels"]["decided_by"]["annotators"] == 1218
    counts = facts["accounting"]
    assert counts["n_records"] == 1244
    in_dataset = sum(counts["n_dataset"].values())
    assert (
        in_dataset + counts["n_undecided"] + sum(sum(r.values()) for r in counts["dropped"].values()) == 1244
    )
    assert counts["n_dataset"]["test"] / in_dataset == pytest.approx(0.3, abs=0.06)


def test_real_input_that_is_not_named_is_asked_for(kto):
    done = kto("run", "builtin:xstest")
    assert done.returncode == 2
    assert "the environment variable KTO_SAMPLES is not set" in done.stderr


def test_a_run_that_is_killed_while_it_trains_goes_on_from_the_last_checkpoint(make_kto, tmp_path):
    training = SMALL["train"] | {"epochs": 4, "batch_size": 4, "save_steps": 1}
    spec = {key: value for key, value in SMALL.items() if key != "evaluate"} | {"train": training}
    whole, killed = make_kto(tmp_path / "whole"), make_kto(tmp_path / "killed")
    with killed.start("run", killed.pipeline(**spec)) as process:
        until = time.monotonic() + 200
        while time.monotonic() < until:
            saved = list(killed.run_folder.glob(".??_train-*.unfinished/train/checkpoints/*"))
            if len(saved) >= 2:
                break
            time.sleep(0.01)
        process.kill()
        assert process.wait() != 0
    assert saved, "it ended before it was killed"
    [log] = killed.run_folder.glob(".??_train-*.unfinished/train/*log.jsonl*")
    begun = log.read_text().splitlines()[0]  # with the seconds that this step took
    done = killed("run", killed.pipeline(**spec))
    assert done.returncode == 0, done.stderr
    [log] = killed.run_folder.glob("??_train-*/train/log.jsonl")
    assert log.read_text().splitlines()[0] == begun
    assert not list(killed.run_folder.glob(".*.unfinished"))
    assert whole("run", whole.pipeline(**spec)).returncode == 0
    weights = [(one.run_folder / "checkpoint/model.safetensors").read_bytes() for one in (whole, killed)]
    assert weights[0] == weights[1]
    assert (killed.run_folder / "saturation.parquet").is_file()
