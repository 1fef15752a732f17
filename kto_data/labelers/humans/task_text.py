"""What a task shows: a sample's messages as texts that arrive as they are.

Text needs no escaping: the page's tags show it as text, whatever it holds. Only U+0000 is shown as its picture,
because PostgreSQL cannot keep it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_NUL, _NUL_PICTURE = "\0", "␀"

Message = Mapping[str, Any]


def task_data(
    external_id: str, prompt: Sequence[Message], completion: Sequence[Message], suggestion: str | None = None
) -> dict[str, Any]:
    """Return a task's data; every key but the first is shown.

    Nothing else is in it: annotators can open the table of all tasks, and a label or a
    probability there would tell them what the machine thinks.

    Args:
        external_id: Ours.
        prompt: The conversation before the answer.
        completion: The answer.
        suggestion: What rules and judges say; None where the page has no place for it.
    """
    data: dict[str, Any] = {
        "external_id": external_id,
        "messages": [{"role": _plain(message["role"]), "content": _content(message)} for message in prompt],
        "completion": completion_text(completion),
    }
    if suggestion is not None:
        data["suggestion"] = _plain(suggestion)
    return data


def completion_text(messages: Sequence[Message]) -> str:
    r"""Return an answer as one text: a single message is its content, several are told apart by role.

    >>> completion_text([{"role": "assistant", "content": "Hi."}])
    'Hi.'
    >>> completion_text([{"role": "assistant", "content": "Hi."}, {"role": "tool", "content": "3"}])
    'assistant:\nHi.\n\ntool:\n3'
    """
    if len(messages) == 1:
        return _content(messages[0])
    return "\n\n".join(f"{_plain(message['role'])}:\n{_content(message)}" for message in messages)


def _content(message: Message) -> str:
    parts = []
    if message.get("reasoning"):
        parts.append(f"[reasoning]\n{message['reasoning']}\n[/reasoning]")
    if message.get("content"):
        parts.append(message["content"])
    if message.get("tool_calls"):
        parts.append(f"[tool calls]\n{message['tool_calls']}")
    return _plain("\n\n".join(parts))


def _plain(text: str) -> str:
    return text.replace(_NUL, _NUL_PICTURE)
