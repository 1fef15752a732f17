"""How well the tools that a text calls are those that it should call."""

from typing import ClassVar

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.checks.tool_calls import calls_in


@CHECKS.register("tool-call-f1")
class ToolCallF1(Check):
    """The tools that are called are those expected: `tool-call-f1: {value: [get_weather], threshold: 0.8}`.

    F1 is the harmonic mean of precision (called and expected, of those called) and recall (of those expected),
    over the set of names: neither order, nor number, nor arguments count. A text without calls has F1 0. Calls
    are read as OpenAI, Anthropic and Google log them, from JSON or from JSON objects inside text; use
    `scope: tool_calls` on logged calls.
    """

    short: ClassVar[str | None] = "value"

    value: tuple[Word, ...] = Field(min_length=1)
    """The names of the tools that should be called."""
    threshold: float = Field(default=1.0, ge=0, le=1)
    """The F1 that is enough."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if F1 reaches the threshold."""
        called = {call.name for call in calls_in(text)}
        expected = set(self.value)
        f1 = 2 * len(called & expected) / (len(called) + len(expected))
        names = ", ".join(sorted(called)) or "no tool"
        return Found(f1 >= self.threshold, f"F1 {f1:.3f}; called: {names}"[:200])
