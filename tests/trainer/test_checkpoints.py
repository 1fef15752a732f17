import hashlib
import json
import shutil
import signal
import subprocess
import time

import pytest
import torch
from kto_trainer.checkpoints import Checkpoints
from kto_trainer.errors import TrainerError
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.output import StepLog
from kto_trainer.ranks import Ranks
from kto_trainer.resume import refuse_changes
from kto_trainer.states import newest_whole

CLOCK = ("seconds", "tokens_per_s", "memory_bytes")  # what no two runs share


def result(out):
    """What a training is: its weights' hash, its log without the clock, and its summary."""
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    log = [{name: value for name, value in entry.items() if name not in CLOCK} for entry in log]
    weights = next((out / "checkpoint").glob("*.safetensors")).read_bytes()
    summary = json.loads((out / "training.json").read_text())
    del summary["seconds"]
    return hashlib.sha256(weights).hexdigest(), log, summary


def kill_at(name, processes, out):
    """SIGKILL the processes once the checkpoint of this name, or a later one of its stage, is there."""
    stage, _, step = name.rpartition("-")
    deadline = time.monotonic() + 200
    while not any(
        int(path.name.rpartition("-")[2]) >= int(step)
        for path in (out / "checkpoints").glob(f"{stage}-*")
        if path.suffix != ".partial"
    ):
        assert all(process.poll() is None for process in processes), "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    for process in processes:
        process.kill()
    for process in processes:
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert not (out / "training.json").exists()


def killed(make, data, out, name, *arguments):
    with subprocess.Popen(make.train_command(data, out, *arguments), stderr=subprocess.DEVNULL) as process:
        kill_at(name, [process], out)


@pytest.fixture(scope="module")
def data(make, tmp_path_factory):
    return make.dataset(
        tmp_path_factory.mktemp("data") / "d", make.polite_rows(96), make.polite_rows(16, 400)
    )


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(data, make, tmp_path):
    options = ("--save-steps", 1, "--epochs", 4, "--sft-epochs", 2, *make.fast)
    whole = make.run("train", "--data", data, "--output", tmp_path / "whole", *options)
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "out"
    killed(make, data, out, "sft-00000002", *options)
    killed(make, data, out, "kto-00000000", *options, "--resume")
    killed(make, data, out, "kto-00000004", *options, "--resume")
    done = make.run("train", "--data", data, "--output", out, *options, "--resume")
    assert done.returncode == 0, done.stderr
    assert "resumes after kto step" in done.stderr
    assert result(out) == result(tmp_path / "whole")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )
    again = make.run("train", "--data", data, "--output", out, *options, "--resume")
    assert (again.returncode, "finished already" in again.stderr) == (0, True)


@pytest.mark.slow
def test_stopping_early_keeps_the_best_weights_also_across_a_kill(data, make, tmp_path):
    stop = ("--early-stopping-patience", 3, "--eval-steps", 1)
    options = (
        "--save-steps",
        1,
        "--epochs",
        8,
        "--sft-epochs",
        1,
        "--learning-rate",
        3e-3,
        *stop,
        *make.fast,
    )
    whole, out = tmp_path / "whole", tmp_path / "out"
    done = make.run("train", "--data", data, "--output", whole, *options)
    assert done.returncode == 0, done.stderr
    assert "stopped early" in done.stderr
    log = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    kto = [entry for entry in log if entry["stage"] == "kto"]
    training = json.loads((whole / "training.json").read_text())
    told, rows = training["held_out"], training["held_out_rows"]
    assert (rows["split"], rows["chose_checkpoint"]) == ("train, held aside with seed 0", True)
    assert "They chose the checkpoint" in (whole / "checkpoint" / "README.md").read_text()
    assert (
        told["best_auc"] == max(entry["eval/auc"] for entry in kto) == kto[told["best_step"] - 1]["eval/auc"]
    )
    assert len(kto) == told["best_step"] + 3
    killed(make, data, out, "kto-00000002", *options)
    assert make.run("train", "--data", data, "--output", out, *options, "--resume").returncode == 0
    assert result(out) == result(whole)
    scored = make.run(
        "score", "--data", data, "--model", out / "checkpoint", "--reference", out / "reference",
        "--output", tmp_path / "s.parquet", "--json",
    )  # fmt: skip
    assert json.loads(scored.stdout)["reward_auc"] == pytest.approx(told["best_auc"])


@pytest.mark.slow
@pytest.mark.xdist_group("trained")
def test_adapters_with_dropout_go_on_with_the_same_random_numbers(trained, make, tmp_path):
    pytest.importorskip("peft", reason="LoRA needs peft")
    model = (
        "--model",
        trained[1] / "reference",
        "--lora-r",
        4,
        "--lora-dropout",
        0.3,
        "--learning-rate",
        1e-2,
    )
    options = (*model, "--epochs", 4, "--save-steps", 1, "--max-length", 64)
    data = tmp_path / "data"  # its reference's cache is filled by the first run, and read by the others
    shutil.copytree(trained[0], data)
    killed(make, data, tmp_path / "out", "kto-00000003", *options)
    for out, more in (("whole", ()), ("out", ("--resume",))):
        done = make.run("train", "--data", data, "--output", tmp_path / out, *options, *more)
        assert done.returncode == 0, done.stderr
    one, other = result(tmp_path / "whole"), result(tmp_path / "out")
    assert one[:2] == other[:2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["layers in shares", "adapters in each"])
def test_two_processes_go_on_bit_by_bit(trained, make, tmp_path, kind):
    options = ("--epochs", 3, "--save-steps", 1, "--max-length", 64)
    if kind == "layers in shares":
        options = (*options, "--sft-epochs", 1, *make.fast)
    else:
        pytest.importorskip("peft", reason="LoRA needs peft")
        options = (*options, "--model", trained[1] / "reference", "--lora-r", 4, "--lora-dropout", 0.3)
    data = tmp_path / "data"
    shutil.copytree(trained[0], data)
    kill_at("kto-00000003", make.start_two(data, tmp_path / "out", *options), tmp_path / "out")
    for out, more in (("whole", ()), ("out", ("--resume",))):
        processes = make.start_two(data, tmp_path / out, *options, *more)
        said = [process.communicate(timeout=240)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
    assert result(tmp_path / "out")[:2] == result(tmp_path / "whole")[:2]
    alone = make.run("train", "--data", data, "--output", tmp_path / "out", "--overwrite", *options)
    assert alone.returncode == 0, alone.stderr


@pytest.mark.slow
def test_a_torn_checkpoint_is_passed_over_and_the_one_before_it_taken(data, make, tmp_path):
    options = ("--save-steps", 1, "--epochs", 3, "--sft-epochs", 1, *make.fast)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert make.run("train", "--data", data, "--output", whole, *options).returncode == 0
    killed(make, data, out, "kto-00000004", *options)
    newest = max((out / "checkpoints").glob("kto-????????"))
    torn = newest / "rank-0.pt"
    torn.write_bytes(torn.read_bytes()[:-100])
    done = make.run("train", "--data", data, "--output", out, *options, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"{newest.name} is passed over: rank-0.pt is not what was written" in done.stderr
    assert result(out) == result(whole)


@pytest.mark.slow
def test_a_checkpoint_without_room_ends_the_run_with_a_message_and_the_last_good_one_stays(
    data, make, tmp_path
):
    import resource

    def no_large_files():  # the model is smaller than this, and its optimiser's state larger
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    options = ("--save-steps", 1, "--sft-epochs", 1, *make.fast)
    done = make.run("train", "--data", data, "--output", tmp_path, *options, preexec_fn=no_large_files)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert not (tmp_path / "training.json").exists()
    assert make.run("train", "--data", data, "--output", tmp_path, *options, "--resume").returncode == 0


@pytest.mark.slow
def test_other_options_other_data_and_a_forgotten_flag_are_refused(data, make, tmp_path):
    out = tmp_path / "out"
    killed(make, data, out, "sft-00000001", "--save-steps", 1, *make.fast)
    other = make.dataset(tmp_path / "other", make.polite_rows(8))
    for dataset, more, said in (
        (data, ("--resume", "--beta", 0.3, "--batch-size", 8), ["beta was 0.1, is now 0.3", "batch_size was 32, is now 8"]),
        (other, ("--resume",), ["the dataset (its manifest.json's sha256) was"]),
        (data, (), ["holds an unfinished training", "--resume", "--overwrite"]),
        (data, ("--resume", "--overwrite"), ["pass one of them"]),
    ):  # fmt: skip
        done = make.run("train", "--data", dataset, "--output", out, *make.fast, "--save-steps", 7, *more)
        assert done.returncode == 2, done.stderr
        for words in said:
            assert words in done.stderr
    assert list((out / "checkpoints").glob("sft-*"))


def test_what_changed_is_named_with_both_values():
    before = {"options": {"seed": 1, "lora": {"r": 4}}, "processes": 1, "gone": 3}
    now = {"options": {"seed": 1, "lora": {"r": 8}}, "processes": 2}
    with pytest.raises(
        TrainerError, match=r"lora\.r was 4, is now 8; the number of processes was 1, is now 2"
    ):
        refuse_changes("out", before, now)
    refuse_changes("out", before, {"options": {"seed": 1, "lora": {"r": 4}}})


def run_of(folder, log, **options):
    return Checkpoints(folder, TrainOptions(**options), Ranks(), {}, log, None)


def layer():
    return torch.nn.Linear(2, 1, bias=False)


def test_only_the_newest_states_are_kept_and_half_written_ones_go(tmp_path):
    model = layer()
    optimizer = Optimizer(model, TrainOptions(), learning_rate=0.1, n_steps=9)
    (tmp_path / "checkpoints" / "kto-00000001.partial").mkdir(parents=True)
    with StepLog(tmp_path / "log.jsonl") as log:
        run = run_of(tmp_path, log, save_steps=2, save_total_limit=2)
        for step in range(1, 10):
            log.write({"step": step})
            run.after_step("kto", step, 9, model, optimizer, epoch_ends=step == 9, flush=lambda: None)
        assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
            "kto-00000006",
            "kto-00000008",
        ]
        state, passed = newest_whole(tmp_path / "checkpoints", tmp_path / "log.jsonl.partial")
    assert (state.stage, state.step, passed) == ("kto", 8, [])
    assert (tmp_path / "log.jsonl.partial").read_bytes()[: state.log_bytes].count(b"\n") == 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_optimiser_goes_on_as_if_nothing_had_happened(tmp_path, dtype):
    torch.manual_seed(0)
    gradients = torch.randn(6, 1, 2).to(dtype)
    start = layer().to(dtype)

    def steps(model, optimizer, which):
        for gradient in gradients[which]:
            model.weight.grad = gradient.clone()
            optimizer.step()

    def made(model):
        return Optimizer(model, TrainOptions(seed=3), learning_rate=0.1, n_steps=6)

    import copy

    whole, broken, resumed = (copy.deepcopy(start) for _ in range(3))
    steps(whole, made(whole), slice(6))
    first = made(broken)
    steps(broken, first, slice(3))
    with StepLog(tmp_path / "log.jsonl") as log:
        run_of(tmp_path, log).save("kto", 3, broken, first, {"seen": 1})
        state, _ = newest_whole(tmp_path / "checkpoints", tmp_path / "log.jsonl.partial")
        again = made(resumed)
        restored = Checkpoints(tmp_path, TrainOptions(), Ranks(), {}, log, state)
        assert restored.restore("kto", resumed, again) == (3, {"seen": 1})
    steps(resumed, again, slice(3, 6))
    assert torch.equal(resumed.weight, whole.weight)
    assert not torch.equal(broken.weight, whole.weight)
