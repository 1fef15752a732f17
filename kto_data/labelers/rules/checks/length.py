"""How long a text is."""

import re
from collections.abc import Callable, Mapping, Sequence

from pydantic import model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Bools, Evidence, Ints, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import Count
from kto_data.labelers.rules.limits import Limit, Range

# The marks that close a sentence, with the quotes and brackets that may follow them.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|[。！？]+")

_EAST_ASIAN = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_EAST_ASIAN}]|[^\W{_EAST_ASIAN}]+|[^\w\s]")


@CHECKS.register("length")
class Length(Check):
    """The text's length is within bounds: `length: {words: {max: 60}, lines: {min: 2}}`; all that are given count."""

    chars: Range | None = None
    """Characters (code points)."""
    words: Range | None = None
    """Pieces between white space."""
    sentences: Range | None = None
    """Pieces that end with `. ! ? …` before white space or the end, or with `。！？`; a rest without such an end
    is one more."""
    lines: Range | None = None
    """Lines; one line break at the very end does not begin another."""
    tokens: Range | None = None
    """Words, numbers and single marks, and each character of Chinese, Japanese and Korean: about what a model counts."""

    @model_validator(mode="after")
    def _something(self) -> "Length":
        if not self._ranges():
            raise ValueError("needs at least one of chars, words, sentences, lines, tokens")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if each given count is within its bounds."""
        counts = {unit: COUNTERS[unit](text) for unit in self._ranges()}
        holds = all(bounds.holds(counts[unit], context.captures) for unit, bounds in self._ranges().items())
        return Found(holds, ", ".join(f"{n} {unit}" for unit, n in counts.items()))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the counts of bytes that the units are made of."""
        return tuple(_STATISTICS[unit] for unit in self._ranges() if unit in _STATISTICS)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it from counts of characters and lines, of words where the white space is plain."""
        holds, sure = evidence.constant(True), evidence.measured.copy()
        fails = evidence.constant(False)
        for unit, bounds in self._ranges().items():
            if unit not in _STATISTICS:
                sure[:] = False
                continue
            known = evidence.plain if unit == "words" else evidence.measured
            inside = _inside(bounds, evidence.numbers(_STATISTICS[unit]))
            holds &= inside
            sure &= known
            fails |= known & ~inside
        return Settled(holds & ~fails, sure | fails)

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in the bounds."""
        return frozenset().union(*(bounds.capture_names() for bounds in self._ranges().values()))

    def _ranges(self) -> dict[str, Range]:
        given = {
            "chars": self.chars,
            "words": self.words,
            "sentences": self.sentences,
            "lines": self.lines,
            "tokens": self.tokens,
        }
        return {unit: bounds for unit, bounds in given.items() if bounds is not None}


@CHECKS.register("word-count")
class WordCount(Check):
    """The number of words is within bounds: `word-count: {max: "{{n}}"}`; short for `length: {words: ...}`."""

    min: Limit | None = None
    """At least this many."""
    max: Limit | None = None
    """At most this many."""

    @model_validator(mode="after")
    def _something(self) -> "WordCount":
        self._words()
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the number of words is within the bounds."""
        return self._words().decide(text, context)

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in the bounds."""
        return self._words().capture_names()

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the count of words."""
        return self._words().evidence()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where the white space is plain."""
        return self._words().settle(evidence)

    def _words(self) -> Length:
        return Length(words=Range(min=self.min, max=self.max))


def length_bounds(check: Check) -> Mapping[str, Range] | None:
    """Return the bounds that a check sets to each unit, None for a check of something else than length."""
    length = check._words() if isinstance(check, WordCount) else check
    return length._ranges() if isinstance(length, Length) else None


def _inside(bounds: Range, counts: Ints) -> Bools:
    """Return which counts are within bounds that are numbers."""
    inside: Bools = counts >= (bounds.min if isinstance(bounds.min, int) else 0)
    if isinstance(bounds.max, int):
        inside &= counts <= bounds.max
    return inside


def _n_sentences(text: str) -> int:
    rest = _SENTENCE_END.split(text)
    return len(rest) - 1 + bool(rest[-1].strip())


def _n_lines(text: str) -> int:
    return text.removesuffix("\n").count("\n") + 1 if text else 0


COUNTERS: Mapping[str, Callable[[str], int]] = {
    "chars": len,
    "words": lambda text: len(text.split()),
    "tokens": lambda text: sum(1 for _ in _TOKEN.finditer(text)),
    "sentences": _n_sentences,
    "lines": _n_lines,
}
"""How each unit is counted."""

_STATISTICS: Mapping[str, Count] = {"chars": Count("chars"), "words": Count("words"), "lines": Count("lines")}
"""How the units are counted in many texts at once."""
