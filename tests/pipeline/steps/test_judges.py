"""Judges in a pipeline: asked about what is open, paid for once."""

import json

import pyarrow.parquet as pq
import pytest

from kto_data.errors import UnavailableError
from kto_data.pipeline.finished import open_run

pytestmark = pytest.mark.slow

RULES = """\
version: 1
rules:
  - {id: rude, vote: undesirable, match: {contains: rude}, precision: {mean: 0.95}}
  - {id: polite, vote: desirable, match: {contains: please}, precision: {mean: 0.95}}
"""


@pytest.fixture
def judged(make_work, judge_server):
    def run(name, judge="when: {unresolved: true}\n", rules=RULES, budget="{}"):
        work = make_work(name)
        judge_server.script = lambda request, n: json.dumps(
            {
                "reason": "x",
                "verdict": "undesirable" if "bad" in request["messages"][1]["content"] else "desirable",
            }
        )
        head = "version: 1\nid: help\nmodel: m\nprecision: {mean: 0.9}\n"
        url = f'backend: {{openai: {{base_url: "{judge_server.url}"}}}}\n'
        limits = "limits: {patience_s: 0.5, attempts: 2}\n"
        work.write("j.yaml", head + url + limits + f"budget: {budget}\n" + judge)
        work.write("rules.yaml", rules)
        work.log(
            *[
                (f"q{n}", f"{said} {n}")
                for n, said in enumerate(["rude", "please", "good", "bad", "good", "bad"])
            ]
        )
        keys = {"rules": ["rules.yaml"], "judges": ["j.yaml"]}
        return work, lambda: work.run(label=keys, aggregate={"method": "weighted"}, split={"test": 0.0})

    return run


def votes_of(folder):
    run = open_run(folder)
    (block,) = run.steps["judges"]["facts"]["blocks"]["votes"]
    return [(vote["labeler"], vote["vote"]) for vote in pq.read_table(folder / "votes" / block).to_pylist()]


def test_a_judge_is_asked_about_what_rules_left_open_and_resolves_it(judged, judge_server):
    _, run = judged("a")
    found = run()
    assert sorted(vote for _, vote in votes_of(found.folder)) == [-1, -1, 1, 1]
    assert sum(judge_server.came.values()) == 4
    labels = pq.read_table(open_run(found.folder).path("aggregate", "labels.parquet"))
    assert labels["label"].null_count == 0


def test_without_when_it_is_asked_about_everything(judged, judge_server):
    _, run = judged("a", judge="")
    assert len(votes_of(run().folder)) == 6


def test_a_rule_can_stand_for_it(judged, judge_server):
    rule = "  - {id: unsure, vote: {judge: help}, when: {all: [{unresolved: true}, {contains: bad}]}}\n"
    _, run = judged("a", judge="", rules=RULES + rule)
    assert votes_of(run().folder) == [("judge:help", -1)] * 2


def test_a_run_that_is_repeated_or_made_anew_pays_nothing(judged, judge_server):
    _, run = judged("a")
    first = run()
    before = {path.name: path.read_bytes() for path in (first.folder / "dataset").glob("*.parquet")}
    for path in first.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    again = run()
    assert {path.name: path.read_bytes() for path in (again.folder / "dataset").glob("*.parquet")} == before
    assert sum(judge_server.came.values()) == 4


def test_a_spent_budget_is_told_and_a_greater_one_goes_on(judged, judge_server):
    _, run = judged("a", budget="{max_requests: 3}")
    found = run()
    assert len(votes_of(found.folder)) == 3
    assert found.facts["labels"]["notes"] == ["judge:help was not asked: budget.max_requests is spent 1"]
    _, run = judged("a", budget="{max_requests: 9}")
    assert len(votes_of(run().folder)) == 4
    assert sum(judge_server.came.values()) == 4


def test_a_server_that_is_down_stops_the_run_and_the_next_one_goes_on(judged, judge_server):
    _, run = judged("a")
    script, judge_server.script = judge_server.script, lambda request, n: "reset"
    with pytest.raises(UnavailableError, match="judge:help"):
        run()
    judge_server.script = script
    assert len(votes_of(run().folder)) == 4


def test_faults_below_the_limit_are_asked_about_again_by_the_next_run(judged, judge_server):
    work, _ = judged("a")

    def run():
        keys = {"rules": ["rules.yaml"], "judges": ["j.yaml"]}
        return work.run(
            label=keys, aggregate={"method": "weighted"}, split={"test": 0.0}, limits={"faults": 0.5}
        )

    script = judge_server.script
    judge_server.script = lambda request, n: (
        "500" if "bad 5" in request["messages"][1]["content"] else script(request, n)
    )
    assert len(votes_of(run().folder)) == 3
    assert judge_server.replies["500"] == 2  # attempts
    # the server still fails on it: what is there stays
    again = run()
    assert len(votes_of(again.folder)) == 3
    assert judge_server.replies["500"] == 4
    judge_server.script = script
    found = run()
    assert len(votes_of(found.folder)) == 4
    assert sum(judge_server.paid.values()) == 4
    came = sum(judge_server.came.values())
    run()
    assert sum(judge_server.came.values()) == came


def test_a_row_that_the_server_refuses_is_not_asked_about_again(judged, judge_server):
    work, _ = judged("a")
    judge_server.faults["too long"] = (400, {}, b'{"error": {"message": "context length exceeded"}}')
    script = judge_server.script
    judge_server.script = lambda request, n: (
        "too long" if "bad 5" in request["messages"][1]["content"] else script(request, n)
    )
    keys = {"rules": ["rules.yaml"], "judges": ["j.yaml"]}
    for _ in range(2):
        work.run(label=keys, aggregate={"method": "weighted"}, split={"test": 0.0}, limits={"faults": 0.5})
    assert judge_server.replies["too long"] == 1
