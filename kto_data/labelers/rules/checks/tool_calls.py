"""Calls of tools in a text: as OpenAI, Anthropic and Google log them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kto_data.labelers.rules.checks.contains_json import objects
from kto_data.labelers.rules.checks.json_schemas import loads


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call.

    Attributes:
        name: The tool's name.
        arguments: What it is called with: an object, or the JSON text that it was logged as; None where nothing
            was logged.
    """

    name: str
    arguments: Any = None


def calls_in(text: str) -> list[ToolCall]:
    """Return the calls of a text that is JSON, or has JSON objects with calls in it, in order.

    >>> calls_in('[{"type": "function", "function": {"name": "add", "arguments": "{}"}}]')
    [ToolCall(name='add', arguments='{}')]
    """
    body = text.strip()
    try:
        return list(calls_of(loads(body)))
    except ValueError:
        return [call for _, _, value in objects(body) for call in calls_of(value)]


def calls_of(value: Any) -> Iterator[ToolCall]:
    """Yield the calls in a JSON value."""
    if isinstance(value, list):
        for part in value:
            yield from calls_of(part)
    elif isinstance(value, Mapping):
        yield from _calls_of_object(value)


def _calls_of_object(value: Mapping[str, Any]) -> Iterator[ToolCall]:
    for key in ("tool_calls", "functionCalls"):
        if isinstance(value.get(key), list):
            yield from calls_of(value[key])
            return
    for key in ("function", "function_call", "functionCall", "toolCall"):
        if isinstance(value.get(key), Mapping):
            yield from _calls_of_object(value[key])
            return
    if isinstance(value.get("name"), str):
        keys = (key for key in ("arguments", "args", "input") if key in value)
        yield ToolCall(value["name"], value.get(next(keys, ""), None))


def arguments_of(call: ToolCall) -> Any:
    """Return a call's arguments as a JSON value.

    Raises:
        ValueError: They are text that is not JSON.
    """
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        return loads(call.arguments)
    except json.JSONDecodeError as error:
        raise ValueError(f"the arguments of {call.name} are not JSON: {error}") from None
