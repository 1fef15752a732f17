"""`kto generate`, against a server on loopback."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def prompts(kto):
    lines = [{"id": n, "prompt": f"question {n % 3}", "completion": "old"} for n in range(5)]
    (kto.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return kto


def test_k_completions_of_each_prompt_become_rows_and_are_paid_once(prompts, judge_server):
    judge_server.script = lambda request, n: f"answer {n} to {request['messages'][0]['content']}"
    command = ["generate", "p.jsonl", "--model", "m", "--base-url", judge_server.url, "-k", "2", "--json"]
    done = prompts(*command, "-o", "out.jsonl")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["n_prompts"], counts["n_completions"], counts["n_new"]) == (3, 6, 6)
    lines = [json.loads(line) for line in (prompts.folder / "out.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in lines}) == 6
    assert {line["completion"][0]["content"] for line in lines} == {
        f"answer {n} to question {q}" for n in (0, 1) for q in (0, 1, 2)
    }
    again = json.loads(prompts(*command, "-o", "again.jsonl").stdout)
    assert (again["n_stored"], again["n_new"]) == (6, 0)
    assert (prompts.folder / "again.jsonl").read_bytes() == (prompts.folder / "out.jsonl").read_bytes()
    assert sum(judge_server.came.values()) == 6
    (prompts.folder / "r.yaml").write_text(
        "version: 1\nrules: [{id: zero, vote: desirable, match: {contains: answer 0}}]\n"
    )
    votes = prompts("label", "out.jsonl", "--rules", "r.yaml", "-o", "v.parquet", "--json")
    assert json.loads(votes.stdout)["rules"][0]["n_desirable"] == 3


def test_a_budget_and_faults_are_told(prompts, judge_server):
    judge_server.script = lambda request, n: (
        "500" if "question 1" in request["messages"][0]["content"] else " "
    )
    command = [
        "generate",
        "p.jsonl",
        "--model",
        "m",
        "--base-url",
        judge_server.url,
        "-o",
        "out.jsonl",
        "--json",
    ]
    counts = json.loads(prompts(*command, "--max-requests", "1").stdout)
    assert (counts["n_empty"], counts["n_unsent"] + counts["n_faults"]) == (1, 2)


def test_wrong_options_are_told(prompts):
    done = prompts("generate", "p.jsonl", "--model", "m", "--backend", "opnai", "-o", "out.jsonl")
    assert (done.returncode, "unknown backend 'opnai'" in done.stderr) == (2, True)
    done = prompts(
        "generate", "p.jsonl", "--model", "nowhere", "--backend", "transformers", "-o", "out.jsonl"
    )
    assert (done.returncode, "no such folder with a model in it: nowhere" in done.stderr) == (2, True)
    done = prompts("generate", "p.jsonl", "--model", "m", "--base-url", "example.org", "-o", "out.jsonl")
    assert (done.returncode, "should be an address" in done.stderr) == (2, True)
