"""Numbers in options that may be captured from the prompt: `max: "{{n}}"`."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt, model_validator

from kto_data.config.validate import Options

Captures = Mapping[str, str]

_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")

_NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


class RowError(Exception):
    """A check that cannot be decided on this row; becomes a fault, and everything else goes on."""


def _is_template(value: str) -> str:
    if not _TEMPLATE.fullmatch(value):
        raise ValueError(f'{value!r} is neither a number nor a captured one such as "{{{{n}}}}"')
    return value


Template = Annotated[str, AfterValidator(_is_template)]
Limit = Annotated[StrictInt, Field(ge=0)] | Template
"""A whole number from 0, or the name of a captured one in double braces."""


class Range(Options):
    """Bounds on a count, both inclusive; at least one of them is given."""

    min: Limit | None = None
    """At least this many."""
    max: Limit | None = None
    """At most this many."""

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if isinstance(self.min, int) and isinstance(self.max, int) and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self

    def holds(self, n: int, captures: Captures) -> bool:
        """Return whether a count is within the bounds."""
        low, high = number(self.min, captures), number(self.max, captures)
        return (low is None or n >= low) and (high is None or n <= high)

    def capture_names(self) -> frozenset[str]:
        """Return the captured names that the bounds use."""
        return names_in(self.min, self.max)


def names_in(*values: object) -> frozenset[str]:
    """Return the captured names in options.

    >>> sorted(names_in(3, "{{n}}", None))
    ['n']
    """
    return frozenset(name for value in values if isinstance(value, str) for name in _TEMPLATE.findall(value))


def fill(text: str, captures: Captures) -> str:
    """Return a text with its captured values put in.

    >>> fill("{{first}} name", {"first": "your"})
    'your name'
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in captures:
            raise RowError(f"nothing was captured for {{{{{name}}}}}")
        return captures[name]

    return _TEMPLATE.sub(value, text)


def number(limit: int | str | None, captures: Captures) -> int | None:
    """Return a limit as a number; a captured one is in digits or an English number word up to twenty.

    >>> number("{{n}}", {"n": "1,000"}), number("{{n}}", {"n": "Three"}), number(None, {})
    (1000, 3, None)
    """
    if limit is None or isinstance(limit, int):
        return limit
    given = fill(limit, captures)
    text = given.strip().lower().replace(",", "")
    if text in _NUMBER_WORDS:
        return _NUMBER_WORDS.index(text)
    # A number of more digits than any count has would be slow to read for nothing.
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise RowError(f"{limit} is {given[:60]!r}, not a whole number")
