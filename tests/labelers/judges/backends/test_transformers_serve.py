"""The protocol against a real server: `transformers serve` with a tiny model of random weights."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from kto_data.errors import UnavailableError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    """The address of a server, once it answers."""
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        pytest.skip("transformers[serving] is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(models / "causal")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            for _ in range(240):
                if process.poll() is not None:
                    break
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                        yield f"http://127.0.0.1:{port}/v1"
                        return
                except OSError:
                    time.sleep(0.5)
            pytest.fail(log.read_text()[-2000:])
        finally:
            process.kill()


def judge_file(url, models, more=""):
    options = f'{{openai: {{base_url: "{url}", response_format: none}}}}'
    limits = "limits: {start: 4, concurrency: 4, timeout_s: 120}\n"
    return f"version: 1\nid: t\nbackend: {options}\nmodel: {models / 'causal'}\nparameters: {{max_tokens: 6}}\n{limits}{more}"


def test_fifty_samples_are_answered_and_paid_once(server, models, ask, judge_of, rows_of_texts):
    judge = judge_of(judge_file(server, models, "prompt: '{{ completion }}'\n"), head=False)
    rows = rows_of_texts([f"good text {n}" for n in range(50)])
    votes, faults, run = ask(judge, rows)
    assert not faults
    assert len(votes) == run.counts.n_new == 50
    # random weights write nothing that is a verdict: each is an abstention with its cause
    assert sum(run.counts.causes.values()) == 50
    assert all(vote["tokens_in"] > 0 for vote in votes)
    _, _, again = ask(judge, rows)
    assert (again.counts.n_stored, again.counts.n_new) == (50, 0)


def test_probabilities_that_it_does_not_give_are_a_fault_and_no_vote(
    server, models, ask, judge_of, rows_of_texts
):
    text = judge_file(server, models, "output: {logprobs: {}}\n").replace(
        "timeout_s: 120", "timeout_s: 120, attempts: 2"
    )
    with pytest.raises(UnavailableError, match=r"logprobs") as told:
        ask(judge_of(text, head=False), rows_of_texts(["good"]))
    assert "0 new answers are kept" in str(told.value)
