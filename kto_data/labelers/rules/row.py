"""One row as the checks see it, and the texts of it that a rule can look at."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kto_data.labelers.rules.fences import code_blocks

if TYPE_CHECKING:
    import pyarrow as pa

Message = Mapping[str, Any]

_BATCH_ROWS = 1024  # rows turned into Python objects at a time: bounds memory, changes no result

_COLUMNS = (
    "row_id",
    "sample_id",
    "prompt",
    "completion",
    "next_turn",
    "source",
    "model",
    "finish_reason",
    "meta",
)

COLUMNS = ("finish_reason", "model", "source")
"""The columns besides `meta.<name>` that a rule's vote can come from."""

# An answer that stopped inside its reasoning never reached the answer, so an unclosed block runs to the end.
_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


_TAG = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """What a rule can read of a row; see `kto_data.schema.rows_schema`."""

    prompt: Sequence[Message] = ()
    completion: Sequence[Message] = ()
    next_turn: Sequence[Message] | None = None
    source: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    row_id: str = ""
    sample_id: str = ""
    meta_type: "pa.StructType | None" = field(default=None, repr=False, compare=False)
    """The columns of `meta` with their types, where the row is from a table."""


def rows_of(table: "pa.RecordBatch | pa.Table") -> Iterator[Row]:
    """Yield the rows of a table with the schema of `rows_schema`, in order."""
    names = set(table.schema.names)
    meta_type = table.schema.field("meta").type if "meta" in names else None
    chosen = table.select([name for name in _COLUMNS if name in names])
    for start in range(0, chosen.num_rows, _BATCH_ROWS):
        for values in chosen.slice(start, _BATCH_ROWS).to_pylist():
            values["meta"] = values.get("meta") or {}
            yield Row(**values, meta_type=meta_type)


def _text(messages: Sequence[Message]) -> str:
    return "\n\n".join(str(message["content"]) for message in messages)


def _of_role(messages: Sequence[Message] | None, *roles: str) -> list[Message]:
    return [message for message in messages or () if message["role"] in roles]


def _nth_user(messages: Sequence[Message] | None, index: int) -> str | None:
    users = _of_role(messages, "user")
    return str(users[index]["content"]) if users else None


def _system(row: Row) -> str | None:
    messages = _of_role(row.prompt, "system", "developer")
    return _text(messages) if messages else None


def _answer(row: Row) -> str:
    return _REASONING.sub("", _text(row.completion)).strip()


def _reasoning(row: Row) -> str | None:
    """Return what each message thought: its `reasoning`, then its <think> blocks without their tags."""
    parts: list[str] = []
    for message in row.completion:
        if message.get("reasoning"):
            parts.append(str(message["reasoning"]))
        blocks = (found[0] for found in _REASONING.finditer(str(message["content"])))
        parts += (_TAG.sub("", block).strip() for block in blocks)
    return "\n\n".join(parts) if parts else None


def _tool_calls(row: Row) -> str | None:
    """Return the calls of all messages as one JSON list; a single message's calls as they were logged."""
    logged = [str(message["tool_calls"]) for message in row.completion if message.get("tool_calls")]
    if len(logged) < 2:
        return logged[0] if logged else None
    try:
        calls = [json.loads(text) for text in logged]
    except (ValueError, RecursionError):
        return "\n\n".join(logged)
    each = [call for one in calls for call in (one if isinstance(one, list) else [one])]
    return json.dumps(each, ensure_ascii=False)


def _code(row: Row) -> str | None:
    blocks = code_blocks(_text(row.completion))
    return "\n".join(block.code for block in blocks) if blocks else None


SCOPES: Mapping[str, tuple[str, Callable[[Row], str | None]]] = {
    "completion": (
        "the output: the contents of its messages, a blank line between",
        lambda row: _text(row.completion),
    ),
    "answer": ("the completion without its <think> blocks", _answer),
    "reasoning": ("what the output thought first: its messages' reasoning and <think> blocks", _reasoning),
    "tool_calls": ("the calls of tools in the output, as JSON", _tool_calls),
    "code_blocks": ("the code between the fences of the completion, block after block", _code),
    "prompt": ("every message of the prompt, the system message too", lambda row: _text(row.prompt)),
    "system": ("the system message", _system),
    "first_user": ("the first message of the user", lambda row: _nth_user(row.prompt, 0)),
    "last_user": ("the last message of the user before the output", lambda row: _nth_user(row.prompt, -1)),
    "conversation": ("the prompt and the completion", lambda row: _text([*row.prompt, *row.completion])),
    "next_user": ("what the user said next; evidence only", lambda row: _nth_user(row.next_turn, 0)),
}
"""The scopes by name: what each is, and its text in a row (None where the row has none)."""


def scope_text(row: Row, scope: str) -> str | None:
    """Return the text of a scope, None where the row has none.

    >>> row = Row(prompt=[{"role": "user", "content": "Hi"}], meta={"n": 3, "tags": ["a"]})
    >>> scope_text(row, "last_user"), scope_text(row, "system"), scope_text(row, "meta.tags")
    ('Hi', None, '["a"]')
    """
    if scope.startswith("meta."):
        return value_text(column_value(row, scope))
    return SCOPES[scope][1](row)


def column_value(row: Row, column: str) -> Any:
    """Return the value of a column such as `meta.thumb`, `meta.user.plan` or `finish_reason`; None where absent."""
    if not column.startswith("meta."):
        return getattr(row, column)
    value: Any = row.meta
    for name in column.split(".")[1:]:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def value_text(value: Any) -> str | None:
    """Return a value as text: texts as they are, anything else as JSON, null as None.

    >>> value_text("up"), value_text(True), value_text(3), value_text(None)
    ('up', 'true', '3', None)
    """
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
