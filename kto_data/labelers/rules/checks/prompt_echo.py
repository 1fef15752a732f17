"""Whether a text begins by repeating the prompt."""

from collections.abc import Sequence

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic, all_sure
from kto_data.labelers.rules.fast.statistics import EdgeByte
from kto_data.labelers.rules.row import scope_text

_FIRST = EdgeByte("first")


@CHECKS.register("prompt-echo")
class PromptEcho(Check):
    """The text begins with the prompt, or with the beginning of it: `prompt-echo: true`.

    White space at the beginning of both does not matter. Where the prompt is too short to tell, it does not hold.
    """

    chars: int = Field(default=200, ge=1)
    """So many of the prompt's characters have to be repeated, or all if it has fewer."""
    min_chars: int = Field(default=20, ge=1)
    """A prompt of fewer characters is too short."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text begins so."""
        prompt = scope_text(context.row, "prompt") or ""
        return Found(self._echoes(text, prompt), prompt.strip()[: self.chars])

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the first byte."""
        return (_FIRST,)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it by comparing both where they begin with the same byte, or with one that may be white space."""
        import numpy as np

        prompts = evidence.scope("prompt")
        first = np.array([prompt[0] if len(prompt) else 0 for prompt in prompts], dtype=np.int64)
        own = evidence.numbers(_FIRST)
        may_hold = ~evidence.measured | (own == first) | (first <= 32) | (own > 127) | (own <= 32)
        for index in may_hold.nonzero()[0].tolist():
            may_hold[index] = self._echoes(evidence.text(index), str(prompts[index], "utf-8"))
        return all_sure(may_hold)

    def _echoes(self, text: str, prompt: str) -> bool:
        return len(prompt) >= self.min_chars and text.lstrip().startswith(prompt.strip()[: self.chars])

    def reads(self) -> frozenset[str]:
        """Return the prompt."""
        return frozenset({"prompt"})
