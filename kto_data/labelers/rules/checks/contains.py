"""Whether a text contains words or phrases: the contains family."""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import and_, or_
from typing import ClassVar

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found, Word
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.literals import DOTTED_I, can_be_searched, settled, words_pattern


class _Contains(Check):
    """A word or phrase, taken literally."""

    ignore_case: bool = False
    """Whether `A` and `a` are the same (every character on its own, in any script)."""
    word: bool = False
    """Whether the match must stand alone: no letter, digit or underscore directly before or after it."""

    def _find(self, needle: str, text: str) -> tuple[tuple[int, int], ...]:
        places = find_all(needle, text, ignore_case=self.ignore_case, word=self.word)
        return tuple(islice(places, MAX_SPANS))

    def _patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns that must all be found where the check holds."""
        raise NotImplementedError

    def _pattern(self, *words: str) -> tuple[Pattern, ...]:
        if not can_be_searched(*words):
            return ()
        return (words_pattern(words, ignore_case=self.ignore_case, word=self.word),)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the words as patterns."""
        return (*self._patterns(), DOTTED_I) if self.ignore_case else self._patterns()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts in ASCII, and of others that have none of the words."""
        parts = [
            settled(evidence, pattern, ignore_case=self.ignore_case, word=self.word)
            for pattern in self._patterns()
        ]
        if not parts:
            return None
        lacks_one = reduce(or_, (part.sure & ~part.holds for part in parts))
        sure = lacks_one | reduce(and_, (part.sure for part in parts))
        return Settled(~lacks_one, sure)


class _One(_Contains):
    short: ClassVar[str | None] = "value"

    value: Word
    """The word or phrase."""

    def _patterns(self) -> tuple[Pattern, ...]:
        return self._pattern(self.value)

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the value is in the text."""
        return _found(text, self._find(self.value, text))


class _Several(_Contains):
    short: ClassVar[str | None] = "values"
    takes_words: ClassVar[bool] = True

    values: tuple[Word, ...] = Field(min_length=1)
    """The words or phrases; in a rule file also `list: NAME` or `file: PATH` (one a line)."""


class _Any(_Several):
    def _patterns(self) -> tuple[Pattern, ...]:
        return self._pattern(*self.values)

    def decide(self, text: str, context: Context) -> Found:
        """Hold if one of the values is in the text."""
        return _found(text, tuple(sorted(span for value in self.values for span in self._find(value, text))))


class _All(_Several):
    def _patterns(self) -> tuple[Pattern, ...]:
        if not can_be_searched(*self.values):
            return ()
        return tuple(pattern for value in self.values for pattern in self._pattern(value))

    def decide(self, text: str, context: Context) -> Found:
        """Hold if each of the values is in the text."""
        spans = [self._find(value, text) for value in self.values]
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


def find_all(needle: str, text: str, *, ignore_case: bool, word: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each occurrence that does not overlap the one before.

    >>> list(find_all("ana", "Banana, ana", ignore_case=True, word=False))
    [(1, 4), (8, 11)]
    >>> list(find_all("ana", "Banana, ana", ignore_case=True, word=True))
    [(8, 11)]
    """
    wanted, searched, origin = needle, text, None
    if ignore_case:
        (wanted, _), (searched, origin) = lower(needle), lower(text)
    start = searched.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if word and (_is_word(searched[start - 1 : start]) or _is_word(searched[end : end + 1])):
            start = searched.find(wanted, start + 1)
            continue
        yield (start, end) if origin is None else (origin[start], origin[end - 1] + 1)
        start = searched.find(wanted, end)


def lower(text: str) -> tuple[str, list[int] | None]:
    """Return a text in lower case, and for each of its characters the place it came from.

    Characters are lowered one by one: `str.lower` alone makes a sigma at a word's end another
    letter than one inside it. The places are None if no character becomes two, as nearly always.

    >>> lower("ΟΔΟΣ")[0] == "οδοσ"
    True
    """
    lowered = [character.lower() for character in text] if not text.isascii() else None
    if lowered is None:
        return text.lower(), None
    joined = "".join(lowered)
    if len(joined) == len(text):
        return joined, None
    return joined, [place for place, part in enumerate(lowered) for _ in part]


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _found(text: str, spans: tuple[tuple[int, int], ...]) -> Found:
    return Found(bool(spans), text[slice(*spans[0])] if spans else "", spans)
