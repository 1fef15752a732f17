import hashlib
import json
import subprocess
import time

import pytest
from kto_trainer.errors import TrainerError

# One worker makes the training that they share.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("trained")]


def entries(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def reward_auc(make, data, checkpoint, reference, path):
    done = make.run(
        "score", "--data", data, "--model", checkpoint, "--reference", reference, "--output", path, "--json"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["reward_auc"]


def test_the_output_folder_holds_what_it_promises(trained):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    _, out, done = trained
    assert sorted(path.name for path in out.iterdir()) == [
        "checkpoint",
        "log.jsonl",
        "reference",
        "saturation.parquet",
        "training.json",
    ]
    training = json.loads((out / "training.json").read_text())
    assert json.loads(done.stdout) == training
    for name in ("checkpoint", "reference"):
        model = AutoModelForCausalLM.from_pretrained(out / name)
        assert sum(parameter.numel() for parameter in model.parameters()) == training["n_parameters"]
        assert AutoTokenizer.from_pretrained(out / name).chat_template
    assert training["counts"]["rows"] == {"train": 96, "desirable": 48, "undesirable": 48}
    assert training["counts"]["single_class_batches"] == 0
    assert training["weights"] == {"desirable": 1.0, "undesirable": 1.0, "source": "manifest"}
    assert "learns from all rows first" in done.stderr


def test_every_step_is_in_the_log_with_its_figures(trained):
    log = entries(trained[1])
    training = json.loads((trained[1] / "training.json").read_text())
    assert [entry["stage"] for entry in log] == ["sft"] * training["steps"]["sft"] + ["kto"] * training[
        "steps"
    ]["kto"]
    first = next(entry for entry in log if entry["stage"] == "kto")
    assert first["loss"] == pytest.approx(0.5, abs=1e-5)  # the policy still is its reference
    assert first["kl"] == pytest.approx(0.0, abs=1e-4)
    names = {
        "epoch",
        "step",
        "steps",
        "rewards/chosen",
        "rewards/rejected",
        "rewards/margins",
        "grad_norm",
        "lr",
    }
    assert all(
        names | {"tokens", "seconds", "tokens_per_s", "memory_bytes"} <= set(entry)
        for entry in log
        if entry["stage"] == "kto"
    )
    told = [entry for entry in log if "eval/auc" in entry]
    assert [entry["step"] for entry in told] == [3, 6, 9]  # epochs' ends
    assert told[-1]["eval/auc"] == training["held_out"]["auc"] > 0.9


def test_rewards_separate_the_labels_better_than_a_control_with_shuffled_labels(trained, make, tmp_path):
    data, out, _ = trained
    control = make.run(
        "train", "--data", data, "--output", tmp_path / "control", "--config", out / "reference" / "kto_options.json",
        "--model", out / "reference", "--sft-epochs", 0, "--shuffle-labels",
    )  # fmt: skip
    assert control.returncode == 0, control.stderr
    result = json.loads((tmp_path / "control" / "training.json").read_text())
    card = (out / "checkpoint" / "README.md").read_text()
    told = json.loads((out / "training.json").read_text())
    assert told["dataset"]["manifest_sha256"] in card
    assert f"held-out auc | {told['held_out']['auc']:.4g}" in card
    assert result["reference"] == str(out / "reference")
    assert not (tmp_path / "control" / "reference").exists()
    reference = out / "reference"
    trained_auc = reward_auc(make, data, out / "checkpoint", reference, tmp_path / "s.parquet")
    control_auc = reward_auc(
        make, data, tmp_path / "control" / "checkpoint", reference, tmp_path / "c.parquet"
    )
    assert trained_auc > 0.95
    assert trained_auc > control_auc + 0.15


def test_the_same_seed_gives_the_same_bytes_whatever_the_row_order(make, tmp_path):
    rows = make.polite_rows(32)
    digests = []
    for name, order, seed in (("a", rows, 1), ("b", rows[::-1], 1), ("c", rows, 2)):
        data = make.dataset(tmp_path / name / "data", order)
        out = tmp_path / name / "out"
        done = make.run("train", "--data", data, "--output", out, "--seed", seed, *make.fast)
        assert done.returncode == 0, done.stderr
        digests.append(hashlib.sha256((out / "checkpoint" / "model.safetensors").read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_killed_run_leaves_nothing_that_looks_whole_and_the_next_one_succeeds(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(64))
    out = tmp_path / "out"
    command = make.train_command(data, out, *make.fast)
    with subprocess.Popen([*command, "--epochs", "500"], stderr=subprocess.DEVNULL) as process:
        partial = out / "log.jsonl.partial"
        deadline = time.monotonic() + 120
        while not (partial.is_file() and '"kto"' in partial.read_text()):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert sorted(path.name for path in out.iterdir()) == ["checkpoints", "log.jsonl.partial", "reference"]
    done = make.run("train", "--data", data, "--output", out, *make.fast, "--epochs", 1, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "checkpoint",
        "log.jsonl",
        "reference",
        "saturation.parquet",
        "training.json",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (1.0, 1.5, "manifest")),
        ({"desirable_weight": 2.0}, (2.0, 1.5, "options and manifest")),
        ({"desirable_weight": 0.0, "undesirable_weight": 1.0}, (0.0, 1.0, "options")),
        ({"weights": "3,0.5"}, (3.0, 0.5, "options")),
        ({"weights": "3,0.5", "undesirable_weight": 1.0}, (3.0, 1.0, "options")),
    ],
)
def test_class_weights_are_the_options_or_else_the_manifests(make, tmp_path, options, expected):
    from kto_trainer.dataset import read_split
    from kto_trainer.kto import class_weights
    from kto_trainer.options import TrainOptions

    weights = {"desirable_weight": 1.0, "undesirable_weight": 1.5}
    split = read_split(make.dataset(tmp_path / "data", [make.row(0, True)], weights=weights), "train")
    assert tuple(class_weights(split, TrainOptions(**options))) == expected


def test_automatic_weights_make_both_labels_weigh_the_same_row_weights_counted(make, tmp_path):
    from kto_trainer.dataset import read_split
    from kto_trainer.kto import class_weights
    from kto_trainer.options import TrainOptions

    rows = [make.row(0, True), make.row(1, False, weight=2.0), *(make.row(n, False) for n in (2, 3))]
    split = read_split(make.dataset(tmp_path / "data", rows), "train")
    found = class_weights(split, TrainOptions(weights="auto"))
    assert (found.desirable, found.undesirable) == (4.0, 1.0)
    rows[0]["weight"] = 0.0
    split = read_split(make.dataset(tmp_path / "none", rows), "train")
    with pytest.raises(TrainerError, match="all rows of one label have the weight 0"):
        class_weights(split, TrainOptions(weights="auto"))


def test_two_weights_of_zero_are_refused(make, tmp_path):
    from kto_trainer.dataset import read_split
    from kto_trainer.kto import class_weights
    from kto_trainer.options import TrainOptions

    split = read_split(make.dataset(tmp_path / "data", [make.row(0, True)]), "train")
    with pytest.raises(TrainerError, match="both 0"):
        class_weights(split, TrainOptions(desirable_weight=0, undesirable_weight=0))


def test_shuffled_labels_are_the_same_labels_elsewhere_and_the_seed_repeats_them(tiny, encode):
    from kto_trainer.encoding import Encoder
    from kto_trainer.kto import train_labels
    from kto_trainer.options import TrainOptions

    encoded = encode(tiny[2], Encoder(tiny[1], 64))
    every = [{}, *({"shuffle_labels": True, "seed": seed} for seed in (1, 1, 2))]
    plain, one, again, other = (train_labels(encoded, TrainOptions(**more)).tolist() for more in every)
    assert plain == tiny[2].labels_N.tolist()
    assert sum(one) == sum(plain)
    assert one == again
    assert one != plain
    assert one != other


def training(make, data, out, *arguments):
    done = make.run("train", "--data", data, "--output", out, *arguments, *make.fast)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "training.json").read_text()), done.stderr


def test_the_reference_is_computed_once_and_shared_by_runs_and_by_adapters(trained, make, tmp_path):
    import shutil

    data = tmp_path / "data"
    shutil.copytree(trained[0], data, ignore=shutil.ignore_patterns(".cache"))  # other tests fill it
    model = ("--model", trained[1] / "reference", "--epochs", 1)
    first, said = training(make, data, tmp_path / "first", *model)
    assert first["counts"]["reference_cached"] == 0
    assert first["counts"]["reference_computed"] > 96
    assert "sequences computed, 0 taken from" in said
    lower = ("--learning-rate", 1e-5, "--beta", 0.3, "--max-tokens-per-pass", 500)
    again, _ = training(make, data, tmp_path / "again", *model, *lower)
    assert again["counts"]["reference_computed"] == 0
    pytest.importorskip("peft", reason="LoRA needs peft")
    adapted, _ = training(make, data, tmp_path / "lora", *model, "--lora-r", 4, "--learning-rate", 1e-2)
    assert adapted["counts"]["reference_computed"] == 0
    assert adapted["n_trained_parameters"] < adapted["n_parameters"] / 2
    assert adapted["final"]["rewards/margins"] > 0.05
    from transformers import AutoModelForCausalLM

    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "lora" / "checkpoint")
    assert sum(parameter.numel() for parameter in merged.parameters()) == first["n_parameters"]


@pytest.mark.parametrize("loss", ["apo_zero_unpaired", "humanline"])
def test_the_other_losses_train(make, tmp_path, loss):
    data = make.dataset(tmp_path / "data", make.polite_rows(64))
    more = ("--loss-type", loss, "--gradient-checkpointing", "--log-every", 3)
    result, _ = training(make, data, tmp_path / "out", *more)
    assert result["final"]["rewards/margins"] > 0.2
    assert result["counts"]["kl_pairs"] == (0 if loss == "apo_zero_unpaired" else 192)
    assert [entry["step"] for entry in entries(tmp_path / "out")] == [1, 2, 3, 4, 5, 6, 7, 8] * (
        result["steps"]["sft"] // 8
    ) + [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("parallel", "more"), [("shard", ()), ("replicate", ()), ("shard", ("--max-tokens-per-pass", 64))]
)
def test_two_processes_train_what_one_trains(make, tmp_path, parallel, more):
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    data = make.dataset(tmp_path / "data", make.polite_rows(46))
    options = ("--epochs", 1, "--sft-epochs", 1, *more)
    training(make, data, tmp_path / "one", *options)
    processes = make.start_two(data, tmp_path / "two", *options, "--parallel", parallel, *make.fast)
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    one, two = (load_file(tmp_path / name / "checkpoint" / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all((one[name] - two[name]).abs().max() < 1e-4 for name in one)
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "two" / "checkpoint")
    for alone, shared in zip(entries(tmp_path / "one"), entries(tmp_path / "two"), strict=True):
        for name in ("loss", "kl", "grad_norm", "rewards/margins"):
            assert alone.get(name) == pytest.approx(shared.get(name), abs=2e-4)


@pytest.mark.parametrize("parallel", ["shard", "replicate"])
def test_a_killed_process_ends_the_others_with_a_message(make, tmp_path, parallel):
    data = make.dataset(tmp_path / "data", make.polite_rows(48))
    processes = make.start_two(
        data, tmp_path / "out", "--sft-epochs", 500, "--parallel", parallel, *make.fast
    )
    partial = tmp_path / "out" / "log.jsonl.partial"
    deadline = time.monotonic() + 200
    while not (partial.is_file() and partial.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    processes[1].kill()
    said = processes[0].communicate(timeout=200)[1]
    processes[1].communicate()
    assert processes[0].returncode == 3, said
    assert "another process of this training ended" in said
    assert not (tmp_path / "out" / "training.json").exists()
