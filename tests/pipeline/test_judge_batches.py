"""Batch files: what is written is what would be sent, and what comes back becomes votes without asking."""

import json

import pytest

from kto_data.errors import InputError
from kto_data.labelers.judges.load import load_judge
from kto_data.pipeline.judge_batches import collect_files, submit_files
from kto_data.pipeline.judge_files import judge_files
from kto_data.readers import ReadEntry

LOG = ReadEntry(path="log.jsonl")

PRICES = "prices: {input: 1, output: 2}\n"
VERDICT = {"reason": "x", "verdict": "undesirable"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [{"id": n, "prompt": f"q{n % 4}", "completion": f"a{n % 4}"} for n in range(6)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def judge(backend, more=PRICES):
        (tmp_path / "j.yaml").write_text(f"version: 1\nid: b\nmodel: m\nbackend: {backend}\n{more}")
        return load_judge(tmp_path / "j.yaml")

    tmp_path.joinpath("judge").mkdir()
    return tmp_path, judge


def openai_result(line):
    message = {"role": "assistant", "content": json.dumps(VERDICT)}
    body = {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50},
    }
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def anthropic_result(line):
    message = {
        "content": [{"type": "tool_use", "name": "verdict", "input": VERDICT}],
        "stop_reason": "tool_use",
    }
    message["usage"] = {"input_tokens": 100, "output_tokens": 50}
    return {"custom_id": line["custom_id"], "result": {"type": "succeeded", "message": message}}


@pytest.mark.parametrize(("backend", "result"), [("openai", openai_result), ("anthropic", anthropic_result)])
def test_out_and_back(place, backend, result):
    folder, judge_of = place
    judge, cache = judge_of(backend), folder / "a.sqlite"
    counts = submit_files(LOG, judge, folder / "batch.jsonl", cache)
    written = [json.loads(line) for line in (folder / "batch.jsonl").read_text().splitlines()]
    assert counts.n_lines == len(written) == len({line["custom_id"] for line in written}) == 4
    body = written[0]["params"] if backend == "anthropic" else written[0]["body"]
    assert body["model"] == "m"
    if backend == "openai":
        assert (written[0]["method"], written[0]["url"]) == ("POST", "/v1/chat/completions")
    results = [result(line) for line in reversed(written[:3])]
    failed = {"custom_id": written[3]["custom_id"], "response": {"status_code": 400, "body": {"error": "no"}}}
    other = {"custom_id": "00", "response": {"status_code": 200, "body": {}}}
    text = "".join(json.dumps(line) + "\n" for line in [*results, *results, failed, other])
    (folder / "results.jsonl").write_text(text)
    back = collect_files(LOG, judge, [folder / "results.jsonl"], cache)
    assert (back.n_new, back.n_stored, back.n_failed, back.n_unknown) == (3, 3, 1, 1)
    assert back.cost_usd == pytest.approx(3 * 0.5 * (100 * 1 + 50 * 2) / 1e6)
    assert '"status_code": 400' in back.first_failure
    done = judge_files(LOG, [judge], folder / "votes.parquet", cache, send=False)
    counts = done.judges["judge:b"]
    assert (counts.n_undesirable, counts.n_stored, counts.n_unsent) == (3, 3, 1)
    assert submit_files(LOG, judge, folder / "again.jsonl", cache).n_lines == 1


def test_a_budget_holds_for_batches_too(place):
    folder, judge_of = place
    judge = judge_of("openai", PRICES + "budget: {max_requests: 3}\n")
    counts = submit_files(LOG, judge, folder / "batch.jsonl", folder / "a.sqlite")
    assert (counts.n_lines, counts.n_unsent) == (3, 1)


def test_mistakes_are_told(place):
    folder, judge_of = place
    judge = judge_of("{recorded: {columns: [source], table: [['*', desirable]]}}", "")
    with pytest.raises(InputError, match="batch files are for openai and anthropic, not recorded"):
        submit_files(LOG, judge, folder / "batch.jsonl", folder / "a.sqlite")
    (folder / "results.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(InputError, match=r"results\.jsonl:1: should be a JSON object with a custom_id"):
        collect_files(LOG, judge_of("openai"), [folder / "results.jsonl"], folder / "a.sqlite")
