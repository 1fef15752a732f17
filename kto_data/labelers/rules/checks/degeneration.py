"""Texts that go round in circles: repeated lines, and text that packs too well."""

import zlib
from collections.abc import Sequence

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import FilledLines

_LINES, _DISTINCT_LINES = FilledLines(), FilledLines(distinct=True)


@CHECKS.register("duplicate-lines")
class DuplicateLines(Check):
    """More than a share of the text's lines were there before: `duplicate-lines: {max_ratio: 0.3}`.

    Lines count without the white space around them, and empty ones not at all. The ratio is
    1 - distinct lines / lines, so 0 in a text that repeats none.
    """

    max_ratio: float = Field(ge=0, lt=1)
    """The check holds above this share."""
    min_chars: int = Field(default=1, ge=1)
    """Shorter lines, such as a lone brace, do not count."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the share of repeated lines is above the limit."""
        lines = [line for line in map(str.strip, text.split("\n")) if len(line) >= self.min_chars]
        if not lines:
            return Found(False)
        ratio = 1 - len(set(lines)) / len(lines)
        return Found(ratio > self.max_ratio, f"{ratio:.2f} of {len(lines)} lines are repeated")

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the lines, and how many different ones there are at least."""
        return (_LINES, _DISTINCT_LINES)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of plain texts in which few lines can be repeated, unless short ones do not count."""
        if self.min_chars > 1:
            return None
        lines = evidence.numbers(_LINES).clip(1)
        may_hold = 1 - evidence.numbers(_DISTINCT_LINES) / lines > self.max_ratio
        blank = evidence.numbers(_LINES) == 0
        return Settled(evidence.constant(False), evidence.plain & (blank | ~may_hold))


@CHECKS.register("compression-ratio")
class CompressionRatio(Check):
    """The text packs into less than it should: `compression-ratio: {max: 6.0}` holds above that ratio.

    The ratio is the text's UTF-8 bytes over those of its zlib compression (level 6): about 2 for prose, far more for
    loops, and below 1 for a very short text.
    """

    max: float = Field(gt=0)
    """The check holds above this ratio."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the ratio is above the limit."""
        raw = text.encode("utf-8", "surrogatepass")
        ratio = len(raw) / len(zlib.compress(raw, 6))
        return Found(ratio > self.max, f"packs {ratio:.1f} times")
