"""Where in a row something was found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text of a scope.

    Attributes:
        scope: Which text of the row: `completion`, `last_user`, ...
        start: Its first character, from 0.
        end: The character after its last.
        text: The piece itself.
    """

    scope: str
    start: int
    end: int
    text: str
