import pyarrow as pa
import pytest

from kto_data.labelers.rules.row import SCOPES, Row, rows_of, scope_text
from kto_data.schema import rows_schema

ROW = Row(
    prompt=[
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Rice?"},
    ],
    completion=[{"role": "assistant", "content": "<think>Hm.</think>\nRinse it."}],
    next_turn=[{"role": "user", "content": "Thanks"}, {"role": "user", "content": "!"}],
    meta={"thumb": "up", "n": 2, "ok": True, "user": {"plan": "free"}, "none": None},
)


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        ("completion", "<think>Hm.</think>\nRinse it."),
        ("answer", "Rinse it."),
        ("prompt", "Be kind.\n\nHi\n\nHello!\n\nRice?"),
        ("system", "Be kind."),
        ("first_user", "Hi"),
        ("last_user", "Rice?"),
        ("conversation", "Be kind.\n\nHi\n\nHello!\n\nRice?\n\n<think>Hm.</think>\nRinse it."),
        ("next_user", "Thanks"),
        ("meta.thumb", "up"),
        ("meta.n", "2"),
        ("meta.ok", "true"),
        ("meta.user", '{"plan": "free"}'),
        ("meta.user.plan", "free"),
        ("meta.thumb.plan", None),
        ("meta.none", None),
        ("meta.other", None),
    ],
)
def test_each_scope_has_its_text(scope, text):
    assert scope_text(ROW, scope) == text


def assistant(content, **fields):
    return {"role": "assistant", "content": content, "reasoning": None, "tool_calls": None, **fields}


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([assistant("Hi")], (None, None, None)),
        ([assistant("<think>\nHm.</think> A <THINK>so")], ("Hm.\n\nso", None, None)),
        ([assistant("<think>b</think>", reasoning="a")], ("a\n\nb", None, None)),
        ([assistant("", tool_calls='{"a": 1 }')], (None, '{"a": 1 }', None)),
        ([assistant("", tool_calls='[{"a": 1}]'), assistant("", tool_calls='{"b": 2}')], (None, '[{"a": 1}, {"b": 2}]', None)),
        ([assistant("", tool_calls="[1]"), assistant("", tool_calls="[")], (None, "[1]\n\n[", None)),
        ([assistant("```python\nx\n```\n"), assistant("~~~\ny")], (None, None, "x\n\ny")),
    ],
)  # fmt: skip
def test_reasoning_calls_and_code_have_their_own_scopes(messages, texts):
    row = Row(completion=messages)
    assert tuple(scope_text(row, scope) for scope in ("reasoning", "tool_calls", "code_blocks")) == texts


@pytest.mark.parametrize("scope", ["system", "first_user", "last_user", "next_user", "meta.x"])
def test_a_row_may_lack_a_scope(scope):
    assert scope_text(Row(), scope) is None


def test_an_answer_that_never_left_its_reasoning_is_empty():
    row = Row(completion=[{"role": "assistant", "content": "<think>Hm, let me see"}])
    assert scope_text(row, "answer") == ""


def test_every_scope_says_what_it_is():
    assert all(manual for manual, _ in SCOPES.values())


def test_rows_come_from_the_table_in_order_and_without_metadata_too():
    message = [{"role": "user", "content": "Hi"}]
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": "s",
            "prompt_id": "p",
            "prompt": message,
            "completion": message,
            "source": "x",
        }
        for n in range(2000)
    ]
    rows = list(rows_of(pa.Table.from_pylist(lines, schema=rows_schema())))
    assert [row.row_id for row in rows] == [f"r{n}" for n in range(2000)]
    assert rows[0].meta == {}
    assert rows[0].next_turn is None
