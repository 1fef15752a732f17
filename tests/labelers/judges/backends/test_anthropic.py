"""Anthropic's messages over HTTP: what is sent, and what each kind of reply means."""

import pytest

from kto_data.errors import UnavailableError

OVERLOADED = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
LIMITED = b'{"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}'
KEY = "sk-ant-nobody-may-see"


def call(verdict="desirable", **more):
    part = {
        "type": "tool_use",
        "id": "t",
        "name": "verdict",
        "input": {"reason": "x", "verdict": verdict} | more,
    }
    return {"content": [part], "stop_reason": "tool_use"}


@pytest.fixture
def judged(judge_server, judge_of, rows_of_texts, ask, monkeypatch):
    """Let a judge of this backend vote on texts; the server answers as the script says."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    judge_server.faults |= {"429": (429, {"retry-after": "0.1"}, LIMITED), "529": (529, {}, OVERLOADED)}

    def votes(script, texts=("good",), more=""):
        judge_server.script = script
        url = judge_server.url.removesuffix("/v1")
        head = f'version: 1\nid: test\nmodel: claude\nbackend: {{anthropic: {{base_url: "{url}"}}}}\n'
        return ask(judge_of(head + more, head=False), rows_of_texts(list(texts)))

    return votes


def test_a_forced_tool_call_is_asked_for_and_read(judged, judge_server):
    sent = []

    def script(request, n):
        sent.append(request)
        return call() | {"usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7}}

    [vote], faults, _ = judged(script)
    assert (vote["vote"], vote["reason"], vote["tokens_in"], vote["tokens_out"]) == (1, "x", 100, 7)
    assert not faults
    [request] = sent
    assert request["tool_choice"] == {"type": "tool", "name": "verdict"}
    assert [one["role"] for one in request["messages"]] == ["user"]
    assert request["system"]
    assert request["max_tokens"] > 0
    [headers] = judge_server.headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            {"content": [{"type": "text", "text": "I cannot judge this."}], "stop_reason": "refusal"},
            "refused",
        ),
        (call() | {"stop_reason": "refusal"}, "refused"),
        (call() | {"stop_reason": "max_tokens"}, "cut_off"),
        ({"content": [], "stop_reason": "end_turn"}, "empty"),
        ({"content": [{"type": "text", "text": "desirable"}], "stop_reason": "end_turn"}, "not_json"),
        (
            {"content": call()["content"] + call("undesirable")["content"], "stop_reason": "tool_use"},
            "not_json",
        ),
        (call("maybe"), "unknown_verdict"),
    ],
)
def test_what_is_no_verdict_abstains_with_its_cause(judged, message, cause):
    [vote], _, run = judged(lambda request, n: message)
    assert vote["vote"] == 0
    assert run.counts.causes == {cause: 1}


@pytest.mark.parametrize("fault", ["429", "529", "500", "half reply", "invalid JSON"])
def test_it_is_asked_again_after_what_passes(judged, judge_server, fault):
    votes, faults, run = judged(lambda request, n: fault if n == 0 else call(), [str(n) for n in range(5)])
    assert (len(votes), faults) == (5, [])
    assert judge_server.replies == {fault: 5, "answer": 5}
    assert set(judge_server.paid.values()) == {1}
    # too many requests are put off and cost no try; an overloaded server's are tries
    assert run.counts.events["put off (429)"] == (5 if fault == "429" else 0)
    assert run.counts.events["server error (529)"] == (5 if fault == "529" else 0)


def test_a_key_that_is_refused_stops_the_run_and_is_not_told(judged, judge_server):
    body = f'{{"type": "error", "error": {{"type": "authentication_error", "message": "invalid x-api-key {KEY}"}}}}'
    judge_server.faults["401"] = (401, {}, body.encode())
    with pytest.raises(UnavailableError, match="does not accept the key") as told:
        judged(lambda request, n: "401")
    assert "authentication_error" in str(told.value)
    assert KEY not in str(told.value)


def test_a_request_that_is_refused_is_a_fault_of_its_row(judged, judge_server):
    judge_server.faults["400"] = (
        400,
        {},
        b'{"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}',
    )
    _, [fault], _ = judged(lambda request, n: "400")
    assert fault["error"] == "the server refuses the request (400): too long [invalid_request_error]"
