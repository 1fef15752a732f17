"""How a text starts, how it ends, and whether it is exactly a given one."""

from typing import ClassVar

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.contains import lower


class _Edge(Check):
    short: ClassVar[str | None] = "value"

    value: str
    """The text to compare with, white space included."""
    ignore_case: bool = False
    """Whether `A` and `a` are the same."""

    def _both(self, text: str) -> tuple[str, str]:
        return (lower(text)[0], lower(self.value)[0]) if self.ignore_case else (text, self.value)


@CHECKS.register("starts-with")
class StartsWith(_Edge):
    """The text starts with a given one: `starts-with: Sure`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text starts with the value."""
        holds = str.startswith(*self._both(text))
        end = len(self.value)
        return Found(holds, text[:end], ((0, end),)) if holds else Found(False, text[:end])


@CHECKS.register("ends-with")
class EndsWith(_Edge):
    """The text ends with a given one: `ends-with: '?'`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text ends with the value."""
        holds = str.endswith(*self._both(text))
        start = max(len(text) - len(self.value), 0)
        return Found(holds, text[start:], ((start, len(text)),)) if holds else Found(False, text[start:])


@CHECKS.register("equals")
class Equals(_Edge):
    """The text is exactly a given one: `equals: 'Yes.'`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text is the value."""
        one, other = self._both(text)
        return Found(True, text, ((0, len(text)),)) if one == other else Found(False, text[:80])
