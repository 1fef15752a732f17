"""Batches that we send and fetch ourselves, against a provider on loopback that speaks both protocols."""

import json
import os
import signal
import subprocess
import sys

import pytest

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.batch_servers import OpenAIBatches
from kto_data.labelers.judges.load import load_judge
from kto_data.pipeline import judge_batches
from kto_data.pipeline.judge_batches import download_files, upload_files
from kto_data.pipeline.judge_files import judge_files
from kto_data.readers import ReadEntry

LOG = ReadEntry(path="log.jsonl")

N = 7


@pytest.fixture(params=["openai", "anthropic"])
def kind(request):
    return request.param


@pytest.fixture
def place(tmp_path, monkeypatch, batch_provider, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judge_batches, "SETTLED_S", 0.0)
    monkeypatch.setattr(judge_batches, "POLL_S", 0.01)
    monkeypatch.setenv("BATCH_KEY", "sk-a-secret")
    lines = [{"id": n, "prompt": f"q{n}", "completion": f"answer number {n}"} for n in range(N)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    url = batch_provider.url + ("/v1" if kind == "openai" else "")
    head = f'version: 1\nid: b\nmodel: m\nbackend: {{{kind}: {{base_url: "{url}", api_key: $BATCH_KEY}}}}\n'
    (tmp_path / "j.yaml").write_text(head + "prices: {input: 1, output: 2}\n")
    batch_provider.verdict = lambda body: json.dumps(
        {"reason": "x", "verdict": "undesirable" if "answer number 3" in json.dumps(body) else "desirable"}
    )
    return Place(tmp_path, load_judge(tmp_path / "j.yaml"))


class Place:
    def __init__(self, folder, judge):
        self.cache, self.judge, self.votes = folder / "a.sqlite", judge, folder / "votes.parquet"

    def send(self):
        return upload_files(LOG, self.judge, self.cache)

    def fetch(self, **options):
        return download_files(LOG, self.judge, self.cache, **options)

    def run(self, *, send):
        return judge_files(
            ReadEntry(path="log.jsonl"), [self.judge], self.votes, self.cache, send=send
        ).judges["judge:b"]


def test_questions_go_up_once_and_answers_come_down(place, batch_provider, kind):
    sent = place.send()
    assert (sent.n_lines, len(sent.batches)) == (N, 1)
    again = place.send()
    assert (again.n_lines, again.n_under_way, again.batches) == (0, N, [])
    assert place.fetch().n_open == 1
    # nor does judging ask what waits at the provider
    asked = place.run(send=True)
    assert asked.unsent == {"waits in a provider's batch (kto judge collect)": N}
    batch_provider.finish()
    back = place.fetch()
    assert (back.n_new, back.n_failed, back.n_unknown, back.n_open) == (N, 0, 0, 0)
    assert back.cost_usd == pytest.approx(N * 0.5 * (100 * 1 + 10 * 2) / 1e6)
    assert place.fetch().batches == []
    counts = place.run(send=False)
    assert (counts.n_desirable, counts.n_undesirable, counts.n_stored) == (N - 1, 1, N)
    assert set(batch_provider.paid.values()) == {1}
    key = "authorization" if kind == "openai" else "x-api-key"
    assert all("sk-a-secret" in headers[key] for headers in batch_provider.headers)


@pytest.mark.parametrize("fault", ["drop", "error after"])
def test_a_batch_whose_reply_was_lost_is_found_and_not_sent_again(place, batch_provider, kind, fault):
    batch_provider.faults = [None, fault] if kind == "openai" else [fault]
    with pytest.raises(UnavailableError, match="Whether the last 7 questions arrived is unknown") as told:
        place.send()
    assert "sk-a-secret" not in str(told.value)
    assert place.send().n_under_way == N
    batch_provider.finish()
    assert place.fetch().n_new == N
    assert (len(batch_provider.batches), set(batch_provider.paid.values())) == (1, {1})


@pytest.mark.parametrize("fault", ["error", "refuse"])
def test_a_batch_that_was_not_made_is_sent_by_the_same_command(place, batch_provider, kind, fault):
    batch_provider.faults = [None, fault] if kind == "openai" else [fault]
    with pytest.raises((UnavailableError, InputError)):
        place.send()
    assert place.send().n_lines == N
    batch_provider.finish()
    assert place.fetch(wait=True).n_new == N
    assert set(batch_provider.paid.values()) == {1}


def test_what_a_batch_did_not_answer_can_be_asked_again(place, batch_provider):
    place.send()
    batch_provider.finish("expired", n=4)
    assert place.fetch().n_new == 4
    again = place.send()
    assert (again.n_lines, again.n_stored) == (3, 4)


def test_more_than_a_batch_takes_goes_up_in_several(place, batch_provider, monkeypatch, kind):
    if kind == "anthropic":
        pytest.skip("the same code")
    monkeypatch.setattr(OpenAIBatches, "most_lines", 3)
    assert len(place.send().batches) == 3
    batch_provider.finish()
    assert place.fetch().n_new == N


@pytest.mark.slow
def test_a_sender_that_is_killed_sends_nothing_twice(place, batch_provider):
    """Killed while the provider holds back its reply; the batch is made."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from kto_data.labelers.judges import batch_ledger\n"
        "from kto_data.pipeline.judge_batches import upload_files\n"
        "from kto_data.labelers.judges.load import load_judge\n"
        "from kto_data.readers import ReadEntry\n"
        "batch_ledger.BatchLedger.submitted = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "upload_files(ReadEntry(path='log.jsonl'), load_judge(Path('j.yaml')), Path('a.sqlite'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.send().n_under_way == N
    batch_provider.finish()
    assert place.fetch().n_new == N
    assert set(batch_provider.paid.values()) == {1}


def test_results_elsewhere_are_not_fetched_with_the_key(place, batch_provider, kind, monkeypatch):
    if kind == "openai":
        pytest.skip("its results have no address of their own")
    place.send()
    batch_provider.finish()
    monkeypatch.setattr(type(batch_provider), "url", "http://localhost:9")
    with pytest.raises(UnavailableError, match="keeps the results elsewhere"):
        place.fetch()
