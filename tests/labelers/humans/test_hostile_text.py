"""Whatever a model writes reaches the annotator as text, and what the annotator writes comes back unchanged."""

import pytest

from kto_data.labelers.humans.ledger import MAIN, Batch, Item
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.task_text import completion_text, task_data
from kto_data.labelers.humans.votes import tell
from kto_data.votes.log import VoteLog

HOSTILE = {
    "script": "<script>parent.hit = 1</script><img src=x onerror='parent.hit = 1'>",
    "braces": "{{ constructor.constructor('hit = 1')() }} ${7*7} $completion <%= 1 %> {% raw %}",
    "tags": "</View><Choices name='verdict'><Choice value='x'/></View>",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029\ufeff",
    "line ends": "one\r\ntwo\rthree\n\n\nfour  \t ",
    "right to left": "\u202eevil\u202c שלום \u2066mixed\u2069 عربى",
    "beyond": "👩‍👩‍👧 𝕏 é é \U0010ffff",
    "empty": "",
    "a megabyte": "long <b>line</b> " * 62_500,
}


@pytest.mark.slow
def test_text_arrives_and_comes_back_byte_for_byte(ledger, studio, studio_server, title, tmp_path):
    items = []
    for number, text in enumerate(HOSTILE.values()):
        one = f"b1-s{number}"
        data = task_data(one, [{"role": "user", "content": text}], [{"role": "assistant", "content": text}])
        items.append(Item(one, "b1", f"s{number}", "all", 0.5, "random", "label", data))
    ledger.add_batch(Batch("b1", 1, MAIN, "r", "random", 1, 0), items)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=1))
    tasks = {task["data"]["external_id"]: task for task in studio_server.tasks(title)}
    assert len(tasks) == len(HOSTILE)
    for number, (name, text) in enumerate(HOSTILE.items()):
        data = tasks[f"b1-s{number}"]["data"]
        assert data["completion"] == text, name
        assert data["messages"] == [{"role": "user", "content": text}], name
        if name != "empty":
            studio_server.annotate(tasks[f"b1-s{number}"]["id"], "undesirable", comment=text)
    pull(ledger, studio)
    tell(ledger, VoteLog(tmp_path / "votes"))
    reasons = {row["sample_id"]: row["reason"] for row in ledger.rows("SELECT * FROM told")}
    for number, (name, text) in enumerate(HOSTILE.items()):
        if name != "empty":
            assert reasons[f"s{number}"] == text, name


def test_a_nul_is_shown_as_its_picture_because_postgresql_keeps_none():
    data = task_data("x", [{"role": "user", "content": "a\0b"}], [{"role": "assistant", "content": "\0"}])
    assert (data["messages"][0]["content"], data["completion"]) == ("a␀b", "␀")


def test_reasoning_and_tool_calls_are_shown_apart():
    message = {"role": "assistant", "content": "Done.", "reasoning": "hm", "tool_calls": '[{"name": "f"}]'}
    assert (
        completion_text([message])
        == '[reasoning]\nhm\n[/reasoning]\n\nDone.\n\n[tool calls]\n[{"name": "f"}]'
    )


def test_nothing_but_the_text_and_our_id_is_sent():
    data = task_data("x", [], [{"role": "assistant", "content": "hi"}])
    assert set(data) == {"external_id", "messages", "completion"}
