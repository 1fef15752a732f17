"""Records with a prompt and a completion."""

import pytest


def texts(messages):
    return [(message["role"], message["content"]) for message in messages or []]


@pytest.mark.parametrize("prompt", ["q", [{"role": "user", "content": "q"}]])
@pytest.mark.parametrize("completion", ["a", [{"role": "assistant", "content": "a"}]])
def test_both_may_be_texts_or_messages(reading, prompt, completion):
    reading.write("log.jsonl", [{"prompt": prompt, "completion": completion, "system": "s", "label": False}])
    (row,) = reading().rows
    assert texts(row["prompt"]) == [("system", "s"), ("user", "q")]
    assert texts(row["completion"]) == [("assistant", "a")]
    assert row["meta"] == {"label": False}


def test_the_next_turn_may_be_messages(reading):
    turn = [{"role": "user", "content": "no"}]
    reading.write("log.jsonl", [{"prompt": "q", "completion": "a", "next_turn": turn}])
    assert texts(reading().rows[0]["next_turn"]) == [("user", "no")]


def test_a_prompt_and_a_completion_win_over_messages(reading):
    reading.write("log.jsonl", [{"prompt": "q", "completion": "a", "messages": [{"x": 1}]}])
    (row,) = reading().rows
    assert texts(row["prompt"]) == [("user", "q")]
    assert row["meta"] == {"messages": [{"x": 1}]}


def test_a_completion_of_only_user_messages_is_none(reading):
    bad = {"prompt": "q", "completion": [{"role": "user", "content": "a"}]}
    reading.write("log.jsonl", [bad, {"prompt": "q", "completion": "a"}])
    assert reading().reasons == ["no_completion"]
