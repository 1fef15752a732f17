"""A folder to start from, and a report rendered again."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_a_starter_folder_runs_at_once_and_its_report_renders_again(kto):
    done = kto("init", "new", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [
        f"new/{name}" for name in ("pipeline.yaml", "rules.yaml", "log.jsonl")
    ]
    inside = type(kto)(kto.folder / "new")
    assert inside("rules", "test", "rules.yaml").returncode == 0
    done = inside("run")
    assert done.returncode == 0, done.stderr
    run = inside.folder / "runs" / "my-model"
    page, facts = (run / "report.html").read_text(), json.loads((run / "report.json").read_text())
    labels = facts["labels"]
    assert labels["n_desirable"] > 5
    assert labels["n_undesirable"] > 5
    assert "ann@example.com" not in json.dumps(facts)
    (run / "report.html").unlink()
    done = inside("report", run, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == facts
    assert (run / "report.html").read_text() == page


def test_files_that_are_there_are_not_written_over(kto):
    mine = kto.write("rules.yaml", "mine")
    done = kto("init")
    assert done.returncode == 2
    assert "has rules.yaml already" in done.stderr
    assert mine.read_text() == "mine"
    assert not (kto.folder / "pipeline.yaml").exists()


def test_what_is_no_run_has_no_report(kto):
    done = kto("report", ".")
    assert done.returncode == 2
    assert "no finished run" in done.stderr
