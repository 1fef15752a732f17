"""Records with one list of messages."""


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def texts(messages):
    return [(message["role"], message["content"]) for message in messages or []]


def test_the_last_answer_is_the_completion_and_what_follows_the_next_turn(reading):
    record = {"messages": [user("1"), assistant("2"), user("3"), assistant("4"), user("5")], "next_turn": "6"}
    reading.write("log.jsonl", [record])
    (row,) = reading(format="chat").rows
    assert texts(row["prompt"]) == [("user", "1"), ("assistant", "2"), ("user", "3")]
    assert texts(row["completion"]) == [("assistant", "4")]
    assert texts(row["next_turn"]) == [("user", "5"), ("user", "6")]


def test_a_system_key_is_put_in_front_once(reading):
    system = {"role": "system", "content": "be kind"}
    reading.write(
        "log.jsonl",
        [
            {"system": "be kind", "messages": [user("1"), assistant("2")]},
            {"system": "be kind", "messages": [system, user("1"), assistant("2")]},
        ],
    )
    first, second = reading().rows
    assert texts(first["prompt"]) == [("system", "be kind"), ("user", "1")]
    assert first["sample_id"] == second["sample_id"]


def test_parts_of_text_are_joined(reading):
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    reading.write("log.jsonl", [{"messages": [{"role": "user", "content": parts}, assistant("x")]}])
    assert texts(reading().rows[0]["prompt"]) == [("user", "ab")]


def test_tool_calls_are_kept_as_json_and_are_an_answer(reading):
    call = {"function": {"name": "f", "arguments": "{}"}}
    reading.write("log.jsonl", [{"messages": [user("q"), assistant(None, tool_calls=[call])]}])
    (message,) = reading().rows[0]["completion"]
    assert message["content"] == ""
    assert message["tool_calls"] == '[{"function": {"name": "f", "arguments": "{}"}}]'


def test_an_answer_without_content_is_empty(reading):
    reading.write(
        "log.jsonl", [{"messages": [user("q"), assistant(None)]}, {"messages": [user("q"), assistant("a")]}]
    )
    assert reading().reasons == ["empty_completion"]


def test_a_prompt_beside_messages_stays_in_the_metadata(reading):
    reading.write("log.jsonl", [{"prompt": "p", "messages": [user("q"), assistant("a")], "label": True}])
    (row,) = reading().rows
    assert row["meta"] == {"prompt": "p", "label": True}


def test_records_without_messages_say_so(reading):
    reading.write(
        "log.jsonl", [{"prompt": "p", "completion": "c"}, {"messages": [user("q"), assistant("a")]}]
    )
    assert reading(format="chat").reasons == ["no_messages"]
