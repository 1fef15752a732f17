"""Run folders: what is reused, what is redone, and what a killed run leaves."""

import multiprocessing
import os
import signal
import time

import pytest

from kto_data.errors import UnavailableError
from kto_data.runs.folder import Outcome, RunFolder, Step
from kto_data.runs.progress import Silent


def write(text, calls):
    def work(folder):
        calls.append(text)
        (folder / "out.txt").write_text(text)
        return Outcome({"n_rows": len(text)})

    return work


def run_two(path, first="one", second="two", options=None, files=()):
    calls = []
    run = RunFolder(path)
    with run.locked():
        a = run.run(Step("a", write(first, calls), options=options, files=files))
        run.run(Step("b", write(second, calls), after=[a]))
    return calls, run.results


def test_a_finished_step_is_reused(tmp_path):
    assert run_two(tmp_path)[0] == ["one", "two"]
    calls, results = run_two(tmp_path)
    assert calls == []
    assert [result.reused for result in results] == [True, True]
    assert results[0].counts == {"n_rows": 3}


def test_a_changed_option_redoes_the_step_but_not_what_follows_if_its_outputs_are_equal(tmp_path):
    run_two(tmp_path, options={"x": 1})
    assert run_two(tmp_path, options={"x": 2})[0] == ["one"]


def test_a_step_that_failed_in_part_is_done_again_where_that_is_possible(tmp_path):
    calls, said = [], []

    def attempt(outcome):
        def work(folder):
            calls.append(outcome)
            if isinstance(outcome, Exception):
                raise outcome
            (folder / "out.txt").write_text(outcome)
            return Outcome({"n_rows": 1}, again=outcome == "half")

        class Told(Silent):
            def said(self, text):
                said.append(text)

        run = RunFolder(tmp_path, Told())
        with run.locked():
            return run.run(Step("a", work))

    with pytest.raises(UnavailableError, match="not there"):
        attempt(UnavailableError("not there"))
    first = attempt("half")
    kept = attempt(UnavailableError("the server is down"))
    assert (kept.reused, kept.outputs_hash) == (True, first.outputs_hash)
    assert said == ["a: what failed last time could not be done again: the server is down"]
    done = attempt("whole")
    assert not done.reused
    assert attempt("whole").reused
    assert [str(one) for one in calls] == ["not there", "half", "the server is down", "whole"]
    assert (done.folder / "out.txt").read_text() == "whole"


def test_changed_outputs_redo_what_follows(tmp_path):
    run_two(tmp_path, options={"x": 1})
    assert run_two(tmp_path, first="uno", options={"x": 2})[0] == ["uno", "two"]


def test_a_changed_file_redoes_the_step(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("1")
    run_two(tmp_path / "run", files=[source])
    assert run_two(tmp_path / "run", files=[source])[0] == []
    source.write_text("2")
    assert run_two(tmp_path / "run", files=[source])[0] == ["one"]


@pytest.mark.parametrize("damage", ["no manifest", "broken manifest", "missing output", "cut output"])
def test_a_damaged_step_is_redone(tmp_path, damage):
    _, (first, _) = run_two(tmp_path)
    if damage == "no manifest":
        (first.folder / "manifest.json").unlink()
    elif damage == "broken manifest":
        (first.folder / "manifest.json").write_text('{"step": ')
    elif damage == "missing output":
        (first.folder / "out.txt").unlink()
    else:
        (first.folder / "out.txt").write_text("on")
    assert run_two(tmp_path)[0] == ["one"]
    assert (first.folder / "out.txt").read_text() == "one"


def test_a_step_that_fails_leaves_nothing_that_looks_whole(tmp_path):
    def fail(folder):
        (folder / "out.txt").write_text("half")
        raise RuntimeError("full disk")

    run = RunFolder(tmp_path)
    with pytest.raises(RuntimeError):
        run.run(Step("a", fail))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("01_a")]
    assert run_two(tmp_path)[0] == ["one", "two"]


def _killed_midway(path):
    def work(folder):
        (folder / "out.txt").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
        return Outcome({})

    run = RunFolder(path)
    with run.locked():
        run.run(Step("a", work))


@pytest.mark.slow
def test_a_killed_run_continues_where_it_was(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_killed_midway, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert run_two(tmp_path)[0] == ["one", "two"]  # the lock died with its owner


def _go_on(folder):
    told = folder / "out.txt"
    seen = told.read_text() if told.exists() else "nothing"
    told.write_text("half")
    return Outcome({}, {"seen": seen})


def _killed_while_resumable(path):
    def work(folder):
        _go_on(folder)
        os.kill(os.getpid(), signal.SIGKILL)
        return Outcome({})

    run = RunFolder(path)
    with run.locked():
        run.run(Step("a", work, options={"x": 1}, resumes=True))


@pytest.mark.slow
@pytest.mark.parametrize(("x", "seen"), [(1, "half"), (2, "nothing")])
def test_a_step_that_resumes_goes_on_where_the_same_step_was_killed(tmp_path, x, seen):
    process = multiprocessing.get_context("spawn").Process(target=_killed_while_resumable, args=(tmp_path,))
    process.start()
    process.join()
    assert list(tmp_path.glob(".01_a-*.unfinished"))
    run = RunFolder(tmp_path)
    with run.locked():
        result = run.run(Step("a", _go_on, options={"x": x}, resumes=True))
    assert result.facts == {"seen": seen}
    assert not list(tmp_path.glob(".01_a-*"))


def _hold(path, ready):
    run = RunFolder(path)
    with run.locked():
        ready.set()
        time.sleep(60)


@pytest.mark.slow
def test_two_runs_never_share_a_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    try:
        assert ready.wait(30)
        with pytest.raises(UnavailableError, match=f"process {process.pid}"), RunFolder(tmp_path).locked():
            pass
    finally:
        process.kill()
        process.join()


def test_a_file_that_a_step_wrote_elsewhere_is_missed_when_it_is_gone(tmp_path):
    def work(folder):
        (tmp_path / "votes").mkdir(exist_ok=True)
        (tmp_path / "votes" / "block").write_text("x")
        return Outcome({}, elsewhere=[tmp_path / "votes" / "block"])

    def reused():
        return RunFolder(tmp_path).run(Step("a", work)).reused

    assert [reused(), reused()] == [False, True]
    (tmp_path / "votes" / "block").unlink()
    assert [reused(), reused()] == [False, True]


def test_publishing_replaces_an_earlier_link(tmp_path):
    run = RunFolder(tmp_path)
    for text in ("old", "new"):
        (tmp_path / text).mkdir()
        run.publish("dataset", tmp_path / text)
    assert os.readlink(tmp_path / "dataset") == "new"
