"""Texts that go round in circles: repeated lines, and text that packs too well."""

import zlib

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found


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
