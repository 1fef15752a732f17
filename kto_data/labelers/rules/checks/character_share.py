"""How much of a text is of one kind of character."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from kto_data.labelers.rules.checks.check import CHECKS, Context, Found
from kto_data.labelers.rules.checks.share import Share
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import Count

_CHARS, _BEYOND = Count("chars"), Count("beyond_ascii")
_TESTS: Mapping[str, Callable[[str], bool]] = {
    "digits": str.isdigit,
    "upper": str.isupper,
    "beyond-ascii": lambda character: not character.isascii(),
}


@CHECKS.register("character-share")
class CharacterShare(Share):
    """The share of one kind of character is within bounds: `character-share: {of: digits, min: 0.2}`.

    The share is of all characters, white space too; an empty text has share 0.
    """

    of: Literal["digits", "upper", "beyond-ascii"]
    """`digits`; `upper`: letters in upper case; `beyond-ascii`: all that are not ASCII."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the share is within the bounds."""
        share = sum(map(_TESTS[self.of], text)) / len(text) if text else 0.0
        return Found(self.min <= share <= self.max, f"{share:.2f} {self.of}")

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the counts of characters."""
        return (_CHARS, _BEYOND) if self.of == "beyond-ascii" else (_CHARS, _BEYOND, Count(self.of))

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where the characters beyond ASCII make no difference."""
        beyond, n_chars = evidence.numbers(_BEYOND), evidence.numbers(_CHARS).clip(1)
        least = beyond if self.of == "beyond-ascii" else evidence.numbers(Count(self.of))
        most = least if self.of == "beyond-ascii" else least + beyond
        low, high = least / n_chars, most / n_chars
        inside = (self.min <= low) & (high <= self.max)
        outside = (high < self.min) | (self.max < low)
        return Settled(inside, evidence.measured & (inside | outside))
