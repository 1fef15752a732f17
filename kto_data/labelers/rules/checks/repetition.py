"""Whether a text says the same again and again."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import Repeats


@CHECKS.register("repetition")
class Repetition(Check):
    """More than a share of the text's n-grams were said before: `repetition: {ngram: 4, max_ratio: 0.3}`.

    Words are the pieces between white space, in lower case; an n-gram is that many of them in
    a row. The ratio is 1 - distinct n-grams / n-grams, so 0 in a text that never repeats one; a text too
    short to have an n-gram has ratio 0.
    """

    ngram: int = Field(default=4, ge=1)
    """Words in an n-gram."""
    max_ratio: float = Field(ge=0, lt=1)
    """The check holds above this share."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the share of repeated n-grams is above the limit."""
        words = text.lower().split()
        counts = Counter(_ngrams(words, self.ngram))
        n_ngrams = counts.total()
        if not n_ngrams:
            return Found(False)
        ratio = 1 - len(counts) / n_ngrams
        if ratio <= self.max_ratio:
            return Found(False, f"{ratio:.2f} of the {self.ngram}-grams are repeated")
        most, times = counts.most_common(1)[0]
        return Found(True, f"{' '.join(most)!r} {times} times")

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return whether the ratio is above the limit."""
        return (Repeats(self.ngram, self.max_ratio),)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where the white space is plain and it is known."""
        above = evidence.numbers(Repeats(self.ngram, self.max_ratio))
        return Settled(above == 1, evidence.plain & (above >= 0))


def _ngrams(words: list[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)
