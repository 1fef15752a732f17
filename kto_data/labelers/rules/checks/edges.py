"""How a text starts, how it ends, and whether it is exactly a given one."""

from collections.abc import Sequence
from typing import ClassVar

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.contains import lower
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.literals import DOTTED_I, can_be_searched, edge_pattern, settled


class _Edge(Check):
    short: ClassVar[str | None] = "value"
    start: ClassVar[bool] = False
    end: ClassVar[bool] = False

    value: str
    """The text to compare with, white space included."""
    ignore_case: bool = False
    """Whether `A` and `a` are the same."""

    def _both(self, text: str) -> tuple[str, str]:
        return (lower(text)[0], lower(self.value)[0]) if self.ignore_case else (text, self.value)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the value as a pattern at its end of the text."""
        return (self._pattern(), DOTTED_I) if can_be_searched(self.value) else ()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts in ASCII, and of others that have no such end."""
        if not can_be_searched(self.value):
            return None
        return settled(evidence, self._pattern(), ignore_case=self.ignore_case)

    def _pattern(self) -> Pattern:
        return edge_pattern(self.value, ignore_case=self.ignore_case, start=self.start, end=self.end)


@CHECKS.register("starts-with")
class StartsWith(_Edge):
    """The text starts with a given one: `starts-with: Sure`."""

    start: ClassVar[bool] = True

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text starts with the value."""
        holds = str.startswith(*self._both(text))
        end = len(self.value)
        return Found(holds, text[:end], ((0, end),)) if holds else Found(False, text[:end])


@CHECKS.register("ends-with")
class EndsWith(_Edge):
    """The text ends with a given one: `ends-with: '?'`."""

    end: ClassVar[bool] = True

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text ends with the value."""
        holds = str.endswith(*self._both(text))
        start = max(len(text) - len(self.value), 0)
        return Found(holds, text[start:], ((start, len(text)),)) if holds else Found(False, text[start:])


@CHECKS.register("equals")
class Equals(_Edge):
    """The text is exactly a given one: `equals: 'Yes.'`."""

    start: ClassVar[bool] = True
    end: ClassVar[bool] = True

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text is the value."""
        one, other = self._both(text)
        return Found(True, text, ((0, len(text)),)) if one == other else Found(False, text[:80])
