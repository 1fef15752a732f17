"""Messages as logged to messages as stored: role, content and, where there are any, reasoning, tool calls, name."""

import json
from collections.abc import Sequence
from typing import Any

from kto_data.errors import did_you_mean
from kto_data.readers.record import Defect, Fields, kind_of

Message = dict[str, str]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Roles that chat templates know."""

_SHAREGPT_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "observation": "tool",
    "function_call": "assistant",
}

STORED_KEYS = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "tool_calls", "name", "from", "value"}
)
"""Keys of a message that are stored; others are counted, see `ReadCounts.ignored_message_keys`."""


def parse_messages(value: Any, key: str, *, role: str | None) -> list[Message]:
    """Return a text or a list as messages; ShareGPT's `from` and `value` are read as `role` and `content`.

    Args:
        value: As logged.
        key: What the record calls it, for messages of defects.
        role: The role that a text gets; None where a text is a defect.

    Raises:
        Defect: `wrong_type`, `no_role`, `unknown_role` or `unsupported_content`.

    >>> parse_messages("hi", "prompt", role="user")
    [{'role': 'user', 'content': 'hi'}]
    """
    if isinstance(value, str) and role is not None:
        return [{"role": role, "content": value}]
    if not isinstance(value, list):
        expected = "a text or a list of messages" if role else "a list of messages"
        raise Defect("wrong_type", f"{key} must be {expected}, not {kind_of(value)}")
    return [_parse_message(message, f"{key}[{i}]") for i, message in enumerate(value)]


def with_system(prompt: list[Message], fields: Fields) -> list[Message]:
    """Return the prompt with the record's `system` text in front, unless it stands there already."""
    if "system" not in fields.values:
        return prompt
    system = parse_messages(fields.values["system"], fields.keys["system"], role="system")
    return prompt if prompt[: len(system)] == system else [*system, *prompt]


def check_prompt(prompt: Sequence[Message], key: str) -> None:
    """Raise a `Defect` for a prompt that asks nothing."""
    if not prompt:
        raise Defect("no_prompt", f"{key} has no message before the answer")
    if not any(_says_something(message) for message in prompt):
        raise Defect("empty_prompt", f"{key} is blank")


def check_completion(completion: Sequence[Message], key: str) -> None:
    """Raise a `Defect` for a completion that answers nothing."""
    answers = [message for message in completion if message["role"] == "assistant"]
    if not answers:
        raise Defect("no_completion", f"{key} has no message whose role is 'assistant'")
    if not any(_says_something(message) for message in answers):
        raise Defect("empty_completion", f"{key} is blank")


def _says_something(message: Message) -> bool:
    return bool(message["content"].strip()) or "tool_calls" in message


def _parse_message(value: Any, key: str) -> Message:
    if not isinstance(value, dict):
        raise Defect("wrong_type", f"{key} must be an object with role and content, not {kind_of(value)}")
    if "from" in value and "role" not in value:
        value = _from_sharegpt(value)
    message = {"role": _role(value.get("role"), key)}
    content = value.get("content")
    # an answer of tool calls alone is logged with a null content
    if content is None and message["role"] != "assistant":
        raise Defect("wrong_type", f"{key}.content must be a text, not {kind_of(content)}")
    message["content"] = "" if content is None else _content(content, f"{key}.content")
    for name, stored in (("reasoning", "reasoning"), ("reasoning_content", "reasoning"), ("name", "name")):
        text = value.get(name)
        if text is None or stored in message:
            continue
        if not isinstance(text, str):
            raise Defect("wrong_type", f"{key}.{name} must be a text, not {kind_of(text)}")
        message[stored] = text
    calls = value.get("tool_calls")
    if calls:
        message["tool_calls"] = calls if isinstance(calls, str) else json.dumps(calls, ensure_ascii=False)
    return message


def _from_sharegpt(turn: dict[str, Any]) -> dict[str, Any]:
    role = turn["from"]
    known = _SHAREGPT_ROLES.get(role, role) if isinstance(role, str) else role
    return {"content": turn.get("value"), **turn, "role": known}


def _role(role: Any, key: str) -> str:
    if role is None:
        raise Defect("no_role", f"{key} has no role")
    if not isinstance(role, str):
        raise Defect("wrong_type", f"{key}.role must be a text, not {kind_of(role)}")
    if role not in ROLES:
        raise Defect("unknown_role", f"{key}.role is {role[:40]!r}{did_you_mean(role[:40], ROLES)}")
    return role


def _content(content: Any, key: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Defect("wrong_type", f"{key} must be a text, not {kind_of(content)}")
    texts = []
    for i, part in enumerate(content):
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part
        if not isinstance(text, str):
            kind = repr(part.get("type"))[:40] if isinstance(part, dict) else kind_of(part)
            raise Defect("unsupported_content", f"{key}[{i}] is not a part of type 'text' but {kind}")
        texts.append(text)
    return "".join(texts)
