"""What a check type is, and the registry of them.

A check type is a frozen model whose fields are its YAML options and whose `decide` looks at one
text. To add one: a file in this package with a class that is registered under its name, and a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.labelers.rules.limits import Captures
from kto_data.labelers.rules.row import Row
from kto_data.registry import Registry

MAX_SPANS = 100
"""The places that a check notes for one word or pattern: enough for people, and a bound on memory in a
text of many megabytes. It decides on all of the text."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may look at besides its text.

    Attributes:
        row: The row that the text is from.
        scope: Which of its texts it is.
        captures: Values that the rule's `when` captured.
    """

    row: Row = field(default_factory=Row)
    scope: str = "completion"
    captures: Captures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found in a text.

    Attributes:
        holds: Whether the check holds; None where it is not applicable, because the row lacks what it compares.
        evidence: What `{match}` in a message becomes; also where the check does not hold
            and there is something to say, such as `12 words`.
        spans: Start and end of the pieces that matched, in characters; at most `MAX_SPANS` a word or pattern.
        captures: The values of named groups.
    """

    holds: bool | None
    evidence: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    captures: Mapping[str, str] = field(default_factory=dict)


class Check(Options):
    """The base of check types.

    Attributes:
        short: The option that a plain value goes to (`regex: '...'`); None for a check that
            needs no options and is written `is-json: true`.
        patterns: Options that are patterns, so that the row's values inside them are taken literally.
        takes_words: Whether the option `values` may come from `list: NAME` or `file: PATH`.
        later: Options that belong to the format and not yet to this version.
        revision: Raised when the same options come to mean something else, so that votes
            of the earlier meaning are not taken for the later one's.
    """

    short: ClassVar[str | None] = None
    patterns: ClassVar[frozenset[str]] = frozenset()
    takes_words: ClassVar[bool] = False
    later: ClassVar[frozenset[str]] = frozenset()
    revision: ClassVar[int] = 1

    def decide(self, text: str, context: Context) -> Found:
        """Return whether the check holds for a text, and what it found there."""
        raise NotImplementedError

    def group_names(self) -> frozenset[str]:
        """Return the names that the check captures when it holds."""
        return frozenset()

    def capture_names(self) -> frozenset[str]:
        """Return the captured names that the options use, such as n in `max: "{{n}}"`."""
        return frozenset()

    def reads(self) -> frozenset[str]:
        """Return the columns that the check reads besides its text."""
        return frozenset()


CHECKS: Registry[type[Check]] = Registry(
    "check type", package="kto_data.labelers.rules.checks", group="kto_data.checks"
)
"""The check types by the name they have in rule files."""

Word = Annotated[str, Field(min_length=1)]


def definition(name: str, check: Check) -> dict[str, Any]:
    """Return a check as plain data that is equal exactly if it means the same."""
    return {name: {**check.model_dump(mode="json"), "revision": check.revision}}
