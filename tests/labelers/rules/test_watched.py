"""Tasks that hang or crash are stopped, and the others go on."""

import os
import time

import pytest

from kto_data.labelers.rules.watched import Stopped, watched


def hang():
    time.sleep(60)


def crash():
    os._exit(3)


def test_results_come_in_order():
    assert list(watched([lambda n=n: n * n for n in range(50)], timeout_s=10)) == [n * n for n in range(50)]


def test_what_hangs_is_stopped_and_the_rest_goes_on():
    started = time.monotonic()
    results = list(watched([lambda: 1, hang, lambda: 2], timeout_s=0.2))
    assert results == [1, Stopped("took longer than 0.2 s and was stopped"), 2]
    assert time.monotonic() - started < 10


def test_what_ends_its_process_is_told_and_the_rest_goes_on():
    assert list(watched([crash, lambda: 2], timeout_s=10)) == [Stopped("ended its process"), 2]


def test_what_is_raised_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(watched([lambda: 1 / 0], timeout_s=10))


def test_no_process_stays_when_one_stops_asking():
    results = watched([os.getpid, hang], timeout_s=10)
    child = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_where_processes_cannot_be_copied_tasks_run_here(monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert list(watched([os.getpid], timeout_s=10)) == [os.getpid()]
