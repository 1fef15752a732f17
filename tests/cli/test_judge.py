"""`kto judge` as a user calls it, against a server on loopback."""

import json
import random
import time

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

JUDGE = """\
version: 1
id: help
model: m
backend: {openai: {base_url: "%s", api_key: $TEST_JUDGE_KEY}}
rubric: Be helpful.
prices: {input: 1, output: 1}
tests:
  - {prompt: Hi, completion: good, expect: desirable}
  - {name: bad ones, prompt: Hi, completion: bad, expect: %s}
"""

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def place(make_kto, judge_server):
    """A folder with a judge file and a log, and `kto` called in it."""
    kto = make_kto("work")
    (kto.folder / "j.yaml").write_text(JUDGE % (judge_server.url, "undesirable"))
    judge_server.script = lambda request, n: json.dumps(
        {
            "reason": "x",
            "verdict": "undesirable" if "bad" in request["messages"][1]["content"] else "desirable",
        }
    )
    write_log(kto, 20)
    return kto


@pytest.fixture
def make_kto(kto):
    return lambda name: kto


def write_log(kto, n):
    lines = [
        {"id": i, "prompt": f"question {i}", "completion": "bad" if i % 2 else "good", "right": i % 4 != 1}
        for i in range(n)
    ]
    (kto.folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_run_rescore_cost_and_report(place, judge_server):
    before = json.loads(place("judge", "cost", "log.jsonl", "--judge", "j.yaml", "--json").stdout)[
        "judge:help"
    ]
    assert (before["n_requests"], before["n_stored"]) == (20, 0)
    done = place("judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["judges"]["judge:help"]
    assert (counts["n_desirable"], counts["n_undesirable"], counts["n_new"]) == (10, 10, 20)
    assert counts["cost_usd"] == pytest.approx(20 * 120 / 1e6)
    assert pq.read_table(place.folder / "votes.parquet").num_rows == 20
    again = place("judge", "rescore", "log.jsonl", "--judge", "j.yaml", "-o", "again.parquet", "--json")
    assert json.loads(again.stdout)["judges"]["judge:help"]["n_stored"] == 20
    assert (place.folder / "again.parquet").read_bytes() == (place.folder / "votes.parquet").read_bytes()
    assert sum(judge_server.came.values()) == 20
    report = place(
        "judge",
        "report",
        "log.jsonl",
        "--judge",
        "j.yaml",
        "--gold",
        "meta.right",
        "--budget",
        "12",
        "--json",
    )
    found = json.loads(report.stdout)["judge:help"]
    # of 20 rows, 5 (every fourth) are wrong, and the judge calls 10 so: the odd ones, of which 5 are
    assert found["gold"]["agreement"]["estimate"] == pytest.approx(15 / 20)
    assert found["gold"]["sensitivity"]["estimate"] == pytest.approx(10 / 15)
    assert found["gold"]["specificity"]["estimate"] == 1.0
    assert found["gold"]["kappa"]["estimate"] == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    assert found["cost_per_1000_usd"] == pytest.approx(0.12)
    assert 0 < sum(probe["n_requests"] for probe in found["probes"]) <= 12
    assert sum(judge_server.came.values()) == 20 + sum(probe["n_requests"] for probe in found["probes"])
    text = place("judge", "report", "log.jsonl", "--judge", "j.yaml", "--gold", "meta.right")
    assert "agreement   0.750 [" in text.stdout


def test_the_tests_of_a_judge_file(place, judge_server):
    done = place("judge", "test", "j.yaml")
    assert (done.returncode, done.stdout) == (0, "2 of 2 tests as expected\n")
    (place.folder / "k.yaml").write_text(JUDGE % (judge_server.url, "abstain"))
    failed = place("judge", "test", "k.yaml")
    assert failed.returncode == 1
    assert "k.yaml:9: help: bad ones: failed: expected abstain, got undesirable (x)" in failed.stdout


def test_a_server_that_is_not_there_is_told(place):
    (place.folder / "j.yaml").write_text(
        JUDGE % ("http://127.0.0.1:9/v1", "abstain") + "limits: {attempts: 2, patience_s: 1}\n"
    )
    done = place("judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet")
    assert done.returncode == 3
    assert "cannot connect" in done.stderr
    assert not (place.folder / "votes.parquet").exists()


def test_the_key_is_sent_and_stands_nowhere(place, judge_server):
    done = place("judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet", TEST_JUDGE_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert {headers["authorization"] for headers in judge_server.headers} == {f"Bearer {KEY}"}
    judge_server.script = lambda request, n: json.dumps(
        {"reason": f"I was sent {KEY}", "verdict": "desirable"}
    )
    write_log(place, 25)
    echoed = place(
        "judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet", TEST_JUDGE_KEY=KEY
    )
    assert echoed.returncode == 0, echoed.stderr
    assert "I was sent ***" in pq.read_table(place.folder / "votes.parquet")["reason"].to_pylist()
    judge_server.faults["no key"] = (
        401,
        {},
        json.dumps({"error": {"message": "x" * 190 + f" bad key {KEY}"}}).encode(),
    )
    judge_server.script = lambda request, n: "no key"
    write_log(place, 30)
    failed = place(
        "judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet", TEST_JUDGE_KEY=KEY
    )
    assert failed.returncode == 3
    told = done.stdout + done.stderr + failed.stdout + failed.stderr
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    for content in [told.encode(), *(path.read_bytes() for path in files)]:
        assert KEY.encode() not in content


def test_two_runs_at_once_pay_once(place, judge_server):
    write_log(place, 40)
    judge_server.latency_s = 0.5
    command = ("judge", "run", "log.jsonl", "--judge", "j.yaml", "-o")
    with place.start(*command, "a.parquet") as first, place.start(*command, "b.parquet") as second:
        assert (first.wait(120), second.wait(120)) == (0, 0), (first.stderr.read(), second.stderr.read())
    assert (place.folder / "a.parquet").read_bytes() == (place.folder / "b.parquet").read_bytes()
    assert sum(judge_server.came.values()) == 40


def test_killed_ten_times_it_loses_only_what_was_under_way(place, judge_server):
    n, at_once = 600, 16
    write_log(place, n)
    judge_server.latency_s = 0.05
    text = (place.folder / "j.yaml").read_text() + f"limits: {{start: {at_once}, concurrency: {at_once}}}\n"
    (place.folder / "j.yaml").write_text(text)
    dice, command = (
        random.Random(5),
        ("judge", "run", "log.jsonl", "--judge", "j.yaml", "-o", "votes.parquet"),
    )
    for _ in range(10):
        seen = sum(judge_server.came.values())
        with place.start(*command) as process:
            started = time.monotonic()
            while (
                sum(judge_server.came.values()) == seen
                and process.poll() is None
                and time.monotonic() - started < 60
            ):
                time.sleep(0.01)
            time.sleep(dice.uniform(0.0, 0.3))
            process.kill()
        time.sleep(0.1)
    done = place(*command, "--json")
    counts = json.loads(done.stdout)["judges"]["judge:help"]
    assert counts["n_desirable"] + counts["n_undesirable"] == n
    assert pq.read_table(place.folder / "votes.parquet")["sample_id"].to_pylist()
    assert sum(judge_server.came.values()) <= n + 10 * at_once  # a kill loses at most what was under way
    assert counts["n_stored"] > 0
