"""How long a text's words are."""

from collections.abc import Sequence

from pydantic import Field, model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import Count

_CHARS, _SPACES, _WORDS = Count("chars"), Count("spaces"), Count("words")


@CHECKS.register("word-length")
class WordLength(Check):
    """The mean length of the words is within bounds: `word-length: {min: 3, max: 10}`, in characters.

    Words are the pieces between white space; in a text without words the check is not applicable.
    """

    min: float | None = Field(default=None, ge=0)
    """At least this."""
    max: float | None = Field(default=None, ge=0)
    """At most this."""

    @model_validator(mode="after")
    def _something(self) -> "WordLength":
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the mean is within the bounds."""
        words = text.split()
        if not words:
            return Found(None)
        mean = sum(map(len, words)) / len(words)
        low, high = self.min is None or mean >= self.min, self.max is None or mean <= self.max
        return Found(low and high, f"{mean:.1f} characters a word")

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the counts of characters, white space and words."""
        return (_CHARS, _SPACES, _WORDS)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where the white space is plain and there are words."""
        n_words = evidence.numbers(_WORDS)
        mean = (evidence.numbers(_CHARS) - evidence.numbers(_SPACES)) / n_words.clip(1)
        holds = evidence.constant(True)
        if self.min is not None:
            holds &= mean >= self.min
        if self.max is not None:
            holds &= mean <= self.max
        return Settled(holds, evidence.plain & (n_words > 0))
