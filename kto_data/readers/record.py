"""What a container hands to the layouts: a record, or the reason why one could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXCERPT_CHARS = 200
"""How much of an unreadable record is shown; the file itself keeps the rest."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of an input file, as plain JSON values.

    Attributes:
        number: From 1: the line of a JSONL file, else the record.
        value: Its keys and values.
        raw: Its bytes where the container has them, for an excerpt.
    """

    number: int
    value: dict[str, Any]
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that could not be read; it counts as one record.

    Attributes:
        number: As in `Record`.
        reason: The defect in snake case, such as `not_json`.
        detail: The defect in words: where, what was got, what was expected.
        excerpt: The beginning of the entry, safe to show; None when nothing of it is at hand.
    """

    number: int
    reason: str
    detail: str
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The parts of a record by our names.

    Attributes:
        values: Those that the record has and that are not null.
        keys: What the record calls each of our names, for messages.
    """

    values: Mapping[str, Any]
    keys: Mapping[str, str]


class Defect(Exception):  # noqa: N818 - not an error of the program: it becomes a quarantined record
    """Why one record cannot be used; never leaves this package."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


def excerpt(text: str | bytes) -> str:
    r"""Return the beginning of a text, safe to print: what cannot be shown is written as an escape.

    >>> excerpt(b"\x1b[31mred \xff")
    '\\x1b[31mred \ufffd'
    """
    if isinstance(text, bytes):  # cut first: the entry may be very long
        text = text[: 4 * EXCERPT_CHARS].decode("utf-8", errors="replace")
    shown = text[:EXCERPT_CHARS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in a reader's words.

    >>> kind_of([1]), kind_of(None), kind_of(True)
    ('a list', 'null', 'true or false')
    """
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
