"""`kto run` and `kto validate`: what they print, and runs that are interrupted."""

import contextlib
import json
import random
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow


def test_a_run_prints_its_account_and_where_everything_is(kto):
    kto.records(20)
    done = kto("run", kto.pipeline())
    assert done.returncode == 0, done.stderr
    assert "records  20 = 20 used + 0 quarantined\n" in done.stdout
    counts = json.loads((kto.run_folder / "report.json").read_text())["accounting"]["n_dataset"]
    assert (
        f"rows     20 = {counts['train']} train + {counts['test']} test + 0 dropped + 0 undecided\n"
        in done.stdout
    )
    assert "report   runs/mine/report.html\n" in done.stdout
    assert (kto.run_folder / "report.html").is_file()
    # one line a step goes to stderr, with its rows
    steps = [line.split()[:2] for line in done.stderr.splitlines()]
    assert steps[0] == ["01", "read"]
    assert steps[-1] == ["08", "write"]
    assert "\x1b" not in done.stderr  # no terminal, no bar


def test_json_is_one_document_and_nothing_else(kto):
    kto.records(20)
    done = kto("run", kto.pipeline(), "--json")
    document = json.loads(done.stdout)
    assert document["folder"] == "runs/mine"
    report = json.loads((kto.run_folder / "report.json").read_text())
    assert document["accounting"] == report["accounting"]
    assert document["balance"] == report["balance"]


def test_the_seed_can_be_given(kto):
    kto.records(20)
    assert json.loads(kto("run", kto.pipeline(seed=3), "--seed", 8, "--json").stdout)["seed"] == 8
    assert json.loads((kto.run_folder / "dataset" / "manifest.json").read_text())["seed"] == 8


@pytest.mark.parametrize("seed", ["-1", str(2**63), "x"])
def test_a_seed_that_is_none_is_refused(kto, seed):
    done = kto("run", "builtin:quickstart", "--seed", seed)
    assert done.returncode == 2
    assert "--seed" in done.stderr
    assert not (kto.folder / "runs").exists()


def test_a_run_that_is_interrupted_from_the_keyboard_says_how_to_go_on(kto):
    kto.records(20_000)  # so many that the run is at work for seconds after its first step
    kto.pipeline()
    with kto.start("run", "p.yaml") as process:
        process.stderr.readline()  # the first step is done
        while process.poll() is None:  # a signal that meets a library's own callback is lost
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        said = process.stderr.read()
        assert process.wait() == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert kto("run", "p.yaml").returncode == 0


def test_a_run_that_is_killed_anywhere_finishes_when_it_is_started_again(make_kto, tmp_path):
    def place(name):
        kto = make_kto(tmp_path / name)
        kto.records(6000)
        kto.pipeline(prepare=["exact_dedup"])
        return kto

    undisturbed = place("undisturbed")
    started = time.monotonic()
    assert undisturbed("run", "p.yaml").returncode == 0
    seconds = time.monotonic() - started
    wanted = undisturbed.dataset_bytes()
    assert len(wanted) == 2

    rng = random.Random(20)
    n_killed_at_work = n_with_steps = 0
    for trial in range(3):
        killed = place(f"killed-{trial}")
        # the first part of a run is spent on imports, where a kill would show little
        for _ in range(2):
            n_killed_at_work += killed.killed_after(rng.uniform(0.3, 0.9) * seconds, "run", "p.yaml")
            n_with_steps += any(killed.run_folder.glob("[0-9]*"))
        done = killed("run", "p.yaml", "--json")
        assert done.returncode == 0, done.stderr
        assert killed.dataset_bytes() == wanted
        accounting = json.loads(done.stdout)["accounting"]
        assert accounting["n_records"] == accounting["n_rows"] == 6000
        assert not list(killed.run_folder.glob(".*.partial"))
    assert n_killed_at_work > 0
    assert n_with_steps > 0


def test_a_run_killed_in_every_step_finishes_when_it_is_started_again(kto, make_kto, tmp_path):
    undisturbed = make_kto(tmp_path / "undisturbed")
    for place in (undisturbed, kto):
        place.records(400)
        place.pipeline()
    assert undisturbed("run", "p.yaml").returncode == 0
    steps = ["read", "prepare", "rules", "aggregate", "curate", "split", "balance", "write"]
    for step in steps[::2]:
        with kto.start("run", "p.yaml") as process:
            for line in process.stderr:
                if f" {step} " in line:  # this step is done, so the next one is at work
                    break
            process.kill()
    done = kto("run", "p.yaml")
    assert done.returncode == 0, done.stderr
    assert "reused" in done.stderr
    assert kto.dataset_bytes() == undisturbed.dataset_bytes()


def test_a_fine_file_is_told_to_be_fine(kto):
    path = kto.pipeline()
    done = kto("validate", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: fine (2 rules)\n")
    document = json.loads(kto("validate", path, "--json").stdout)
    assert document == {"pipeline": "mine", "file": str(path), "n_rules": 2}


@pytest.mark.parametrize("name", ["quickstart", "xstest", "truthfulqa"])
def test_the_pipelines_that_ship_are_fine_without_any_variable(kto, name):
    assert kto("validate", f"builtin:{name}").returncode == 0


def test_every_mistake_is_told_with_its_line_and_nothing_is_done(kto):
    kto.write(
        "p.yaml",
        "version: 1\nname: mine\nred: [{path: log.jsonl}]\nlabel: {rules: [gone.yaml]}\nsplit: {tset: 1}\n",
    )
    for command in ("validate", "run"):
        done = kto(command, "p.yaml")
        assert done.returncode == 2
        assert done.stdout == ""
        for text in (
            "p.yaml:3: red: unknown key; did you mean 'read'?",
            "gone.yaml: no such file",
            "p.yaml:5: split.tset: unknown key; did you mean 'test'?",
            "one input is needed",
        ):
            assert text in done.stderr
    assert not (kto.folder / "runs").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.yaml", None, "gone.yaml: no such file"),
        (".", None, "is a folder, not a YAML file"),
        ("builtin:quickstrat", None, "did you mean 'quickstart'?"),
        ("p.yaml", b"", "p.yaml:1: the file is empty"),
        ("p.yaml", b"\xff\xfe\x00", "not UTF-8 text"),
        ("p.yaml", b"version: [1\n", "not valid YAML"),
        ("p.yaml", b"a: !!python/object:os.system x\n", "is not allowed; only plain values are"),
    ],
)
def test_what_is_no_pipeline_file_is_refused(kto, name, content, said):
    if content is not None:
        kto.write(name, content)
    done = kto("validate", name)
    assert done.returncode == 2
    assert said in done.stderr
