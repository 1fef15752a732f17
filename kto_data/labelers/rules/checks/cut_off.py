"""Whether an output stopped before it was finished."""

import re
from collections.abc import Sequence
from itertools import islice

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import EdgeByte
from kto_data.labelers.rules.fences import n_fence_lines

_FENCE_LINE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_NOT_PROSE = re.compile(r"\s*(?:[-*+•]\s|\d+[.)]\s|#|\||>|\$\$)")
_EMPHASIS = "*_ \t"
_FENCE = Pattern(r"(?m)^[ \t]*(?:```|~~~)")
_LAST = EdgeByte("last")
_CLOSING = b"\0.!?:)]}\"'`|>"


@CHECKS.register("cut-off")
class CutOff(Check):
    """The text stopped before its end: `cut-off: true`.

    It holds in any of three cases, of which each can be turned off:

    1. `finish_reason`: the row's finish reason is `length` (rows without one are judged by the text).
    2. `fence`: a code fence (a line that begins with three backticks or tildes) is opened and not closed.
    3. `sentence`: the last line is prose and ends inside a sentence. Prose is a line that is no list item,
       heading, quote or table row and has at least `min_words` words with a letter. It ends inside a sentence if
       its last character, Markdown emphasis apart, is a letter, a digit, a comma, a semicolon,
       a hyphen or an opening bracket; but not after an address (with `@`, `www.` or `://`).
       A last line of any kind and length that ends with a comma counts, too.
    """

    finish_reason: bool = True
    """Whether a finish reason of `length` counts."""
    fence: bool = True
    """Whether an open code fence counts."""
    sentence: bool = True
    """Whether an end inside a sentence counts."""
    min_words: int = Field(default=4, ge=1)
    """A last line of fewer words may be a word or a name that needs no full stop."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold in the first of the three cases that applies."""
        if self.finish_reason and context.row.finish_reason == "length":
            return Found(True, "the finish reason is length")
        fences = list(_FENCE_LINE.finditer(text))
        if len(fences) % 2:
            return Found(self.fence, "an open code fence", (fences[-1].span(),) if self.fence else ())
        end = _unfinished(text, self.min_words) if self.sentence else None
        if end is None:
            return Found(False)
        return Found(True, f"ends with {text[end[0] : end[1]]!r}", (end,))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return whether there is a fence, and the last byte."""
        return (_FENCE, _LAST)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of a plain text, by its fences and its last line, unless the finish reason counts."""
        if self.finish_reason:
            return None
        sure = evidence.plain
        odd = evidence.constant(False)
        for index in (sure & evidence.matches(_FENCE)).nonzero()[0].tolist():
            odd[index] = n_fence_lines(bytes(evidence.raw(index))) % 2
        holds = sure & ~odd & self.sentence & ~evidence.is_one_of(_LAST, _CLOSING)
        for index in holds.nonzero()[0].tolist():
            holds[index] = _unfinished(evidence.text(index), self.min_words) is not None
        return Settled(holds | (odd & self.fence), sure)

    def reads(self) -> frozenset[str]:
        """Return the finish reason, unless it is turned off."""
        return frozenset({"finish_reason"}) if self.finish_reason else frozenset()


def _unfinished(text: str, min_words: int) -> tuple[int, int] | None:
    """Return where the last word is if the text ends inside a sentence."""
    stripped = text.rstrip()
    if not stripped:
        return None
    line = stripped[stripped.rfind("\n") + 1 :]
    last = line.rsplit(None, 1)[-1]
    span = (len(stripped) - len(last), len(stripped))
    bare = line.rstrip(_EMPHASIS)
    if bare.endswith(","):
        return span
    if not bare or not (bare[-1].isalnum() or bare[-1] in ";-–—([{"):
        return None
    if _NOT_PROSE.match(line) or "@" in last or "www." in last or "://" in last:
        return None
    return (
        span
        if _has_words(line.split(None, 3 * min_words)[:-1], min_words) or _has_words(line.split(), min_words)
        else None
    )


def _has_words(words: Sequence[str], least: int) -> bool:
    """Return whether so many of the words have a letter."""
    lettered = (word for word in words if any(map(str.isalpha, word)))
    return sum(1 for _ in islice(lettered, least)) == least
