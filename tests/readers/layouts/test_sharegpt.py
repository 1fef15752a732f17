"""Records with one list of turns, each with `from` and `value`."""

import pytest


def turn(speaker, text):
    return {"from": speaker, "value": text}


def texts(messages):
    return [(message["role"], message["content"]) for message in messages or []]


def test_the_last_answer_is_the_completion_and_speakers_become_roles(reading):
    turns = [turn("system", "s"), turn("human", "1"), turn("gpt", "2"), turn("human", "3"), turn("gpt", "4")]
    reading.write("log.jsonl", [{"conversations": [*turns, turn("human", "5")], "lang": "en"}])
    (row,) = reading().rows
    assert texts(row["prompt"]) == [("system", "s"), ("user", "1"), ("assistant", "2"), ("user", "3")]
    assert texts(row["completion"]) == [("assistant", "4")]
    assert texts(row["next_turn"]) == [("user", "5")]
    assert row["meta"] == {"lang": "en"}
    assert not reading.counts.ignored_message_keys


def test_calls_and_what_came_back_are_messages(reading):
    turns = [turn("human", "1"), turn("function_call", "f()"), turn("observation", "2"), turn("gpt", "3")]
    reading.write("log.jsonl", [{"conversations": turns}])
    (row,) = reading(format="sharegpt").rows
    assert texts(row["prompt"]) == [("user", "1"), ("assistant", "f()"), ("tool", "2")]


def test_a_system_text_is_put_in_front(reading):
    reading.write("log.jsonl", [{"system": "s", "conversations": [turn("human", "1"), turn("gpt", "2")]}])
    assert texts(reading().rows[0]["prompt"]) == [("system", "s"), ("user", "1")]


def test_the_same_conversation_has_the_same_id_in_any_layout(reading):
    reading.write(
        "log.jsonl",
        [
            {"conversations": [turn("human", "1"), turn("gpt", "2")]},
            {"prompt": "1", "completion": "2"},
            {"prompt": "1", "completion": "2", "conversations": [turn("human", "other")]},
        ],
    )
    assert len({row["sample_id"] for row in reading().rows}) == 1


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([turn("bing", "1"), turn("gpt", "2")], "unknown_role"),
        ([turn(["human"], "1"), turn("gpt", "2")], "wrong_type"),
        ([turn("human", None), turn("gpt", "2")], "wrong_type"),
        ([turn("human", "1")], "no_completion"),
        (["1", "2"], "wrong_type"),
        ("no JSON", "wrong_type"),
    ],
)
def test_turns_that_cannot_be_read_are_set_aside(reading, turns, reason):
    good = {"conversations": [turn("human", "1"), turn("gpt", "2")]}
    reading.write("log.jsonl", [{"conversations": turns}, good])
    assert reading().reasons == [reason]
