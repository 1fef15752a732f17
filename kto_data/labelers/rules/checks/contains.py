"""Whether a text contains words or phrases: the contains family."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import islice
from operator import and_, or_
from typing import Any, ClassVar

import re2
from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found, Word
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.literals import DOTTED_I, can_be_searched, settled, words_pattern
from kto_data.labelers.rules.limits import Range


class _Contains(Check):
    """A word or phrase, taken literally."""

    ignore_case: bool = False
    """Whether `A` and `a` are the same (every character on its own, in any script)."""
    word: bool = False
    """Whether the match must stand alone: no letter, digit or underscore directly before or after it."""

    def _find(self, needles: Sequence[str], text: str) -> list[tuple[tuple[int, int], ...]]:
        """Return the first places of each needle."""
        return [tuple(islice(places, MAX_SPANS)) for places in self._occurrences(needles, text)]

    def _occurrences(self, needles: Sequence[str], text: str) -> Iterator[Iterator[tuple[int, int]]]:
        """Yield the places of each needle."""
        searched, origin = lower(text) if self.ignore_case else (text, None)
        wanted = (lower(needle)[0] if self.ignore_case else needle for needle in needles)
        return (_occurrences(each, searched, origin, word=self.word) for each in wanted)

    def _patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns that must all be found where the check holds."""
        raise NotImplementedError

    def _pattern(self, *words: str) -> tuple[Pattern, ...]:
        if not can_be_searched(*words):
            return ()
        return (words_pattern(words, ignore_case=self.ignore_case, word=self.word),)

    @cached_property
    def _needed(self) -> tuple[Pattern, ...]:
        return self._patterns()

    @cached_property
    def _needed_one(self) -> Any:
        return re2.compile(self._needed[0].pattern)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the words as patterns."""
        return (*self._needed, DOTTED_I) if self.ignore_case else self._needed

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts in ASCII, and of others that have none of the words."""
        parts = [
            settled(evidence, pattern, ignore_case=self.ignore_case, word=self.word)
            for pattern in self._needed
        ]
        if not parts:
            return None
        lacks_one = reduce(or_, (part.sure & ~part.holds for part in parts))
        sure = lacks_one | reduce(and_, (part.sure for part in parts))
        if len(parts) == 1:
            for index in (~sure & parts[0].holds).nonzero()[0].tolist():
                sure[index] = self._surely_in(bytes(evidence.raw(index)))
        return Settled(~lacks_one, sure)

    def _surely_in(self, raw: bytes) -> bool:
        """Return whether the pattern finds one of the words; it may miss some that overlap others."""
        words = self._words()
        for match in islice(self._needed_one.finditer(raw), MAX_SPANS):
            start, end = match.span()
            found = str(raw[start:end], "utf-8")
            if (lower(found)[0] if self.ignore_case else found) in words:
                before, after = raw[max(start - 4, 0) : start], raw[end : end + 4]
                around = (str(before, "utf-8", "ignore")[-1:], str(after, "utf-8", "ignore")[:1])
                if not self.word or not any(map(_is_word, around)):
                    return True
        return False

    def _words(self) -> frozenset[str]:
        """Return the words as they are searched for."""
        raise NotImplementedError


class _Counted(_Contains):
    count: Range | None = None
    """How often the words have to be there, each counted by itself; by default one of them once."""

    def _decided(self, needles: Sequence[str], text: str, context: Context) -> Found:
        """Hold if one of the needles is in the text, or if they are there as often as asked."""
        spans = tuple(sorted(span for found in self._find(needles, text) for span in found))
        if self.count is None:
            return _found(text, spans)
        n = sum(1 for places in self._occurrences(needles, text) for _ in places)
        return Found(self.count.holds(n, context.captures), f"{n} times", spans)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it where one is enough; where they are counted, of texts that have none."""
        found = super().settle(evidence)
        if found is None or self.count is None:
            return found
        return Settled(evidence.constant(self.count.holds(0, {})), found.sure & ~found.holds)

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `count`."""
        return self.count.capture_names() if self.count else frozenset()


class _One(_Counted):
    short: ClassVar[str | None] = "value"

    value: Word
    """The word or phrase."""

    def _patterns(self) -> tuple[Pattern, ...]:
        return self._pattern(self.value)

    def _words(self) -> frozenset[str]:
        return _searched((self.value,), self.ignore_case)

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the value is in the text, or there as often as asked."""
        return self._decided([self.value], text, context)


class _Several(_Contains):
    short: ClassVar[str | None] = "values"
    takes_words: ClassVar[bool] = True

    values: tuple[Word, ...] = Field(min_length=1)
    """The words or phrases; in a rule file also `list: NAME` or `file: PATH` (one a line)."""

    def _words(self) -> frozenset[str]:
        return _searched(self.values, self.ignore_case)


class _Any(_Counted, _Several):
    def _patterns(self) -> tuple[Pattern, ...]:
        return self._pattern(*self.values)

    def decide(self, text: str, context: Context) -> Found:
        """Hold if one of the values is in the text, or they are there as often as asked."""
        return self._decided(self.values, text, context)


class _All(_Several):
    def _patterns(self) -> tuple[Pattern, ...]:
        if not can_be_searched(*self.values):
            return ()
        return tuple(pattern for value in self.values for pattern in self._pattern(value))

    def decide(self, text: str, context: Context) -> Found:
        """Hold if each of the values is in the text."""
        spans = self._find(self.values, text)
        missing = [value for value, found in zip(self.values, spans, strict=True) if not found]
        if missing:
            return Found(False, "missing: " + ", ".join(missing))
        return _found(text, tuple(sorted(span for found in spans for span in found)))


@CHECKS.register("contains")
class Contains(_One):
    """The text contains a word or phrase: `contains: refund`."""


@CHECKS.register("icontains")
class IContains(_One):
    """The text contains a word or phrase in upper or lower case: `icontains: refund`."""

    ignore_case: bool = True
    """True unless said otherwise."""


@CHECKS.register("contains-any")
class ContainsAny(_Any):
    """The text contains one of several words: `contains-any: [refund, voucher]`, `{list: promises, word: true}`."""


@CHECKS.register("icontains-any")
class IContainsAny(_Any):
    """The text contains one of several words in upper or lower case."""

    ignore_case: bool = True
    """True unless said otherwise."""


@CHECKS.register("contains-all")
class ContainsAll(_All):
    """The text contains every one of several words, in any order."""


@CHECKS.register("icontains-all")
class IContainsAll(_All):
    """The text contains every one of several words, in any order, in upper or lower case."""

    ignore_case: bool = True
    """True unless said otherwise."""


@dataclass(frozen=True, slots=True)
class WordNeeds:
    """What words a check asks for.

    Attributes:
        words: The words, without their case where that does not matter.
        every: Whether it asks for all of them, not for one.
        ignore_case: Whether case does not matter.
        word: Whether they must stand alone.
    """

    words: frozenset[str]
    every: bool
    ignore_case: bool
    word: bool

    def implies(self, other: "WordNeeds") -> bool:
        """Return whether a text with these words surely has the other ones."""
        if self.ignore_case and not other.ignore_case:
            return False
        mine = frozenset(lower(word)[0] for word in self.words) if other.ignore_case else self.words
        if other.word and not self.word:
            return False

        def says(said: str, asked: str) -> bool:
            return said == asked or (not other.word and asked in said)

        asked = all if other.every else any
        if self.every:
            return asked(any(says(said, wanted) for said in mine) for wanted in other.words)
        return all(asked(says(said, wanted) for wanted in other.words) for said in mine)


def word_needs(check: Check) -> WordNeeds | None:
    """Return what words a check of this family asks for, None for other checks."""
    if not isinstance(check, _One | _Several) or (isinstance(check, _Counted) and check.count):
        return None
    return WordNeeds(check._words(), isinstance(check, _All), check.ignore_case, check.word)


def find_all(needle: str, text: str, *, ignore_case: bool, word: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each occurrence that does not overlap the one before.

    >>> list(find_all("ana", "Banana, ana", ignore_case=True, word=False))
    [(1, 4), (8, 11)]
    >>> list(find_all("ana", "Banana, ana", ignore_case=True, word=True))
    [(8, 11)]
    """
    if not ignore_case:
        return _occurrences(needle, text, None, word=word)
    searched, origin = lower(text)
    return _occurrences(lower(needle)[0], searched, origin, word=word)


def _occurrences(
    wanted: str, searched: str, origin: list[int] | None, *, word: bool
) -> Iterator[tuple[int, int]]:
    start = searched.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if word and not stands_alone(searched, start, end):
            start = searched.find(wanted, start + 1)
            continue
        yield (start, end) if origin is None else (origin[start], origin[end - 1] + 1)
        start = searched.find(wanted, end)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether no letter, digit or underscore is directly before or after a piece of a text."""
    return not (_is_word(text[start - 1 : start]) or _is_word(text[end : end + 1]))


def lower(text: str) -> tuple[str, list[int] | None]:
    """Return a text in lower case, and for each of its characters the place it came from.

    Characters are lowered one by one: `str.lower` alone makes a sigma at a word's end another
    letter than one inside it. The places are None if no character becomes two, as nearly always.

    >>> lower("ΟΔΟΣ")[0] == "οδοσ"
    True
    """
    lowered = text.replace("Σ", "σ").lower()
    if len(lowered) == len(text):
        return lowered, None
    parts = [character.lower() for character in text]
    return "".join(parts), [place for place, part in enumerate(parts) for _ in part]


@lru_cache(maxsize=256)
def _searched(words: tuple[str, ...], ignore_case: bool) -> frozenset[str]:
    return frozenset(lower(word)[0] for word in words) if ignore_case else frozenset(words)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _found(text: str, spans: tuple[tuple[int, int], ...]) -> Found:
    return Found(bool(spans), text[slice(*spans[0])] if spans else "", spans)
