"""A judge on rows: one answer or one counted fault each, nothing paid twice."""

import json
import random
import re

import pytest

from kto_data.errors import UnavailableError

IMPATIENT = "limits: {attempts: 4, patience_s: 0.5}\n"
FAULTY = "limits: {start: 32, concurrency: 64, timeout_s: 3, attempts: 8}\n"


def completion_of(request):
    return request["messages"][-1]["content"]


def verdict(word, reason="x"):
    return json.dumps({"reason": reason, "verdict": word})


def test_votes_carry_what_the_answer_said_and_took(judge_server, ask, judge_of, rows_of_texts):
    judge_server.script = lambda request, n: verdict(
        "undesirable" if "bad" in completion_of(request) else "desirable"
    )
    judge = judge_of("prices: {input: 1, output: 2}\n", url=judge_server.url)
    votes, faults, run = ask(judge, rows_of_texts(["good", "bad"]))
    assert [vote["vote"] for vote in votes] == [1, -1]
    assert not faults
    first = votes[0]
    assert (first["labeler"], first["reason"], first["tokens_in"], first["tokens_out"]) == (
        "judge:test",
        "x",
        100,
        20,
    )
    assert first["cost_usd"] == pytest.approx((100 * 1 + 20 * 2) / 1e6)
    assert first["row_id"] is None
    assert first["version"] == judge.labelers[0].version
    assert (run.counts.n_new, run.counts.n_desirable, run.counts.n_undesirable) == (2, 1, 1)


def test_a_stored_answer_is_not_asked_for_again_and_can_be_read_in_another_way(
    judge_server, ask, judge_of, rows_of_texts
):
    judge_server.script = lambda request, n: json.dumps({"reason": "x", "score": 5})
    text = "output: {verdict: null, score: score, threshold: {desirable_from: %s, undesirable_to: 4}}\n"
    rows = rows_of_texts(["a", "b"])
    votes, _, _ = ask(judge_of(text % 6, url=judge_server.url), rows)
    assert [vote["vote"] for vote in votes] == [0, 0]
    votes, _, run = ask(judge_of(text % 5, url=judge_server.url), rows, send=False)
    assert [vote["vote"] for vote in votes] == [1, 1]
    assert run.counts.n_stored == 2
    assert sum(judge_server.came.values()) == 2


def test_without_sending_what_is_not_stored_is_not_asked(judge_server, ask, judge_of, rows_of_texts):
    votes, faults, run = ask(judge_of(url=judge_server.url), rows_of_texts(["a"]), send=False)
    assert (votes, faults, run.counts.n_unsent) == ([], [], 1)
    assert not judge_server.came


def test_equal_questions_are_asked_once(judge_server, ask, judge_of, rows_of_texts):
    judge = judge_of('prompt: "{{ completion }}"\n', url=judge_server.url)
    votes, _, _ = ask(judge, rows_of_texts(["same"] * 50))
    assert len(votes) == 50
    assert sum(judge_server.came.values()) == 1


def test_another_parameter_model_or_prompt_is_another_question(judge_server, ask, judge_of, rows_of_texts):
    for text in ("", "parameters: {temperature: 1}\n", 'rubric: "x"\n', "model: n\n"):
        head = text.startswith("model")
        lines = (
            f'version: 1\nid: t\nbackend: {{openai: {{base_url: "{judge_server.url}"}}}}\n{text}'
            if head
            else text
        )
        ask(judge_of(lines, url=judge_server.url, head=not head), rows_of_texts(["a"]))
    assert sum(judge_server.paid.values()) == 4


def test_k_samples_are_asked_and_combined(judge_server, ask, judge_of, rows_of_texts):
    said = iter(["desirable", "undesirable", "desirable"] * 2)
    judge_server.script = lambda request, n: verdict(next(said))
    judge = judge_of("samples: {k: 3}\nparameters: {temperature: 1}\n", url=judge_server.url)
    votes, _, _ = ask(judge, rows_of_texts(["a"]))
    assert (votes[0]["vote"], votes[0]["score"]) == (1, pytest.approx(2 / 3))
    assert votes[0]["tokens_in"] == 300
    judge = judge_of(
        "samples: {k: 3, combine: unanimous}\nparameters: {temperature: 1}\n", url=judge_server.url
    )
    votes, _, _ = ask(judge, rows_of_texts(["a"]))
    assert votes[0]["vote"] == 0
    assert votes[0]["reason"].startswith("[disagreement]")
    assert sum(judge_server.came.values()) == 3


def test_each_principle_can_have_its_vote(judge_server, ask, judge_of, rows_of_texts):
    judge_server.script = lambda request, n: verdict(
        "undesirable" if "Be kind" in completion_of(request) else "desirable"
    )
    text = "principles: [{id: kind, text: Be kind.}, {id: true, text: Be true.}]\njudge_principles: each\n"
    votes, _, _ = ask(
        judge_of(text.replace("id: true", "id: honest"), url=judge_server.url), rows_of_texts(["a"])
    )
    assert [(vote["labeler"], vote["vote"]) for vote in votes] == [
        ("judge:test/kind", -1),
        ("judge:test/honest", 1),
    ]


def test_one_vote_over_all_principles_names_those_that_are_violated(
    judge_server, ask, judge_of, rows_of_texts
):
    said = {"reason": "Rude.", "violations": ["kind"], "verdict": "undesirable"}
    judge_server.script = lambda request, n: json.dumps(said)
    text = "principles: [{id: kind, text: Be kind.}, {id: honest, text: Be true.}]\n"
    votes, _, _ = ask(judge_of(text, url=judge_server.url), rows_of_texts(["a"]))
    assert [(vote["labeler"], vote["vote"], vote["reason"]) for vote in votes] == [
        ("judge:test", -1, "violates kind: Rude.")
    ]


def test_when_says_which_rows_are_asked_about(judge_server, ask, judge_of, rows_of_texts):
    text = "when: {all: [{unresolved: true}, {contains: refund}]}\n"
    judge = judge_of(text, url=judge_server.url)
    assert judge.when.only_unresolved
    rows = rows_of_texts(["a refund", "nothing", "one more refund"])
    rows = rows.append_column("unresolved", [True, True, False])
    votes, _, run = ask(judge, rows)
    assert len(votes) == 1
    assert run.counts.n_not_applicable == 2


@pytest.mark.parametrize(
    ("budget", "n_asked"),
    [("max_requests: 7", 7), ("max_tokens: 2400", 4), ("max_cost_usd: 0.0013", 4)],
)
def test_a_budget_is_never_exceeded_and_what_is_left_is_told(
    judge_server, ask, judge_of, rows_of_texts, budget, n_asked
):
    judge_server.usage = {"prompt_tokens": 400, "completion_tokens": 100}
    text = f"budget: {{{budget}}}\nprices: {{input: 0.5, output: 1}}\nparameters: {{max_tokens: 150}}\n"
    judge = judge_of(text, url=judge_server.url)
    votes, faults, run = ask(judge, rows_of_texts([str(n) for n in range(20)]))
    assert not faults
    assert len(votes) == sum(judge_server.came.values()) == n_asked
    assert run.counts.n_unsent == 20 - n_asked


KINDS = ["429", "429 with Retry-After", "500", "503", "invalid JSON", "HTML", "wrong schema"]
KINDS += ["half reply", "no reply", "reset", "twice"]


@pytest.mark.slow
def test_a_fault_on_every_tenth_request_leaves_one_answer_or_one_fault_each(
    judge_server, ask, judge_of, rows_of_texts
):
    """5,000 samples; the server says itself what it was paid for, and every vote has the reason of its own sample."""
    dice = random.Random(3)

    def script(request, n):
        text = completion_of(request)
        fault = dice.choice(KINDS) if n == 0 and dice.random() < 0.1 else None
        hopeless = "sample 77 " in text or "sample 4077 " in text
        said = re.search(r"sample (\d+) ", text)[1]
        word = "desirable" if int(said) % 3 else "undesirable"
        return "HTML" if hopeless else fault or verdict(word, reason=f"sample {said}")

    judge_server.script, judge_server.latency_s = script, 0.005
    rows = rows_of_texts([f"sample {n} said" for n in range(5000)])
    votes, faults, run = ask(judge_of(FAULTY, url=judge_server.url), rows)
    assert {fault["row_id"] for fault in faults} == {"log#77", "log#4077"}
    assert len(votes) == 4998
    answered = [n for n in range(5000) if n not in (77, 4077)]
    for vote, n in zip(votes, answered, strict=True):
        assert (vote["reason"], vote["vote"]) == (f"sample {n}", 1 if n % 3 else -1)
    # paid again is only what was under way on a connection that a repeated reply had put out of step
    assert sum(judge_server.paid.values()) <= 4998 + judge_server.replies["twice"]
    assert sum(judge_server.paid.values()) - 4998 <= 2 * run.counts.events["repeated reply"]
    assert all(judge_server.replies[kind] for kind in KINDS)


def test_a_question_that_never_gets_an_answer_is_a_fault_with_its_reason(
    judge_server, ask, judge_of, rows_of_texts
):
    judge_server.script = lambda request, n: (
        "HTML" if "bad" in completion_of(request) else verdict("desirable")
    )
    text = "limits: {attempts: 2}\n"
    votes, faults, run = ask(judge_of(text, url=judge_server.url), rows_of_texts(["a", "bad", "c"]))
    assert len(votes) == 2
    assert [fault["row_id"] for fault in faults] == ["log#1"]
    assert "2 tries" in faults[0]["error"]
    assert "<!DOCTYPE html>" in faults[0]["error"]
    assert run.counts.n_faults == 1


def test_a_server_that_is_down_stops_the_run_and_keeps_what_was_answered(
    judge_server, ask, judge_of, rows_of_texts, cache
):
    done = []

    def script(request, n):
        done.append(n)
        return verdict("desirable") if len(done) <= 40 else "reset"

    judge_server.script = script
    judge = judge_of(IMPATIENT, url=judge_server.url)
    with pytest.raises(UnavailableError, match=r"no answer to .* requests") as told:
        ask(judge, rows_of_texts([str(n) for n in range(200)]))
    assert "40 new answers are kept" in str(told.value)
    assert len(cache) == 40
    judge_server.script = lambda request, n: verdict("desirable")
    votes, _, run = ask(judge, rows_of_texts([str(n) for n in range(200)]))
    assert (len(votes), run.counts.n_stored, run.counts.n_new) == (200, 40, 160)


def test_nobody_listening_stops_the_run(ask, judge_of, rows_of_texts):
    with pytest.raises(UnavailableError, match="cannot connect"):
        ask(judge_of(IMPATIENT), rows_of_texts([str(n) for n in range(20)]))


def test_a_key_that_is_not_accepted_stops_the_run_without_telling_it(
    judge_server, ask, judge_of, rows_of_texts, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    judge_server.faults["no key"] = (
        401,
        {},
        b'{"error": {"message": "Incorrect API key provided: sk-very-secret"}}',
    )
    judge_server.script = lambda request, n: "no key"
    with pytest.raises(UnavailableError, match="does not accept the key") as told:
        ask(judge_of(url=judge_server.url), rows_of_texts(["a"]))
    assert "sk-very-secret" not in str(told.value)
    assert judge_server.headers[0]["authorization"] == "Bearer sk-very-secret"


def test_a_request_that_the_server_refuses_is_a_fault_of_its_row_alone(
    judge_server, ask, judge_of, rows_of_texts
):
    judge_server.faults["too long"] = (400, {}, b'{"error": {"message": "context length exceeded"}}')
    judge_server.script = lambda request, n: (
        "too long" if "bad" in completion_of(request) else verdict("desirable")
    )
    votes, faults, _ = ask(judge_of(url=judge_server.url), rows_of_texts(["a", "bad", "c"]))
    assert len(votes) == 2
    assert faults[0]["error"] == "the server refuses the request (400): context length exceeded"
    assert max(judge_server.came.values()) == 1


def test_a_redirect_is_not_followed(judge_server, ask, judge_of, rows_of_texts):
    judge_server.faults["away"] = (302, {"Location": "http://elsewhere.invalid/"}, b"")
    judge_server.script = lambda request, n: "away"
    with pytest.raises(UnavailableError, match="sends elsewhere"):
        ask(judge_of(url=judge_server.url), rows_of_texts(["a"]))
