"""How much of a text is made of certain words."""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Context, Found, Word
from kto_data.labelers.rules.checks.share import Share
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.literals import can_be_searched
from kto_data.labelers.rules.fast.statistics import Count, ListedWords

_WORDS = Count("words")


@CHECKS.register("word-share")
class WordShare(Share):
    """The share of a text's words that are in a list is within bounds: `word-share: {list: stopwords, max: 0.08}`.

    Words are the pieces between white space, in lower case; a text without words has share 0.
    """

    takes_words: ClassVar[bool] = True

    values: tuple[Word, ...] = Field(min_length=1)
    """The words, in upper or lower case; in a rule file also `list: NAME` or `file: PATH` (one a line)."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the share is within the bounds."""
        words, listed = text.lower().split(), _lowered(self.values)
        share = sum(word in listed for word in words) / len(words) if words else 0.0
        return Found(self.min <= share <= self.max, f"{share:.2f} of {len(words)} words")

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the words, and how many of them are in the list."""
        return (_WORDS, ListedWords(_lowered(self.values))) if can_be_searched(*self.values) else ()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where the white space is plain."""
        if not can_be_searched(*self.values):
            return None
        n_words = evidence.numbers(_WORDS).clip(1)
        share = evidence.numbers(ListedWords(_lowered(self.values))) / n_words
        return Settled((self.min <= share) & (share <= self.max), evidence.plain)


@lru_cache(maxsize=256)
def _lowered(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)
