"""A change of one rule as it stands in its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kto_data.config.yaml_file import KeyPath

DROPPED = object()
"""In place of a value: the key or the entry goes."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one change.

    Attributes:
        path: Where in the rule the change is.
        change: What was changed, in words.
        missing: The test that would notice it, in words.
        raw: The rule with the change.
        is_wording: Whether the change is inside a list of words or a pattern: one word or alternative of many, an
            anchor, a flag.
    """

    path: KeyPath
    change: str
    missing: str
    raw: Mapping[str, Any]
    is_wording: bool = False


def changed(data: Any, path: KeyPath, value: Any) -> Any:
    """Return a copy of plain data with another value at a path; what is not changed is shared.

    >>> changed({"a": [1, {"b": 2}]}, ("a", 1, "b"), 3)
    {'a': [1, {'b': 3}]}
    >>> changed({"a": [1, 2]}, ("a", 0), DROPPED)
    {'a': [2]}
    """
    if not path:
        return value
    first, *rest = path
    inner = changed(data[first], tuple(rest), value)
    if isinstance(data, Mapping):
        kept = {key: inner if key == first else old for key, old in data.items()}
        return {key: one for key, one in kept.items() if one is not DROPPED}
    assert isinstance(data, Sequence), "paths lead through mappings and lists"
    return [one for one in (inner if n == first else old for n, old in enumerate(data)) if one is not DROPPED]


def at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path."""
    for part in path:
        data = data[part]
    return data


def shown(value: Any) -> str:
    """Return a value in short."""
    text = f"'{value}'" if isinstance(value, str) else _flow(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
