"""What Markdown an output has."""

import re
from collections.abc import Sequence

from pydantic import model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.limits import Range
from kto_data.texts.patterns import compiled

# RE2: the places of a kind, in text without its fenced code where a mark in code is none.
_IN_TEXT = {
    "headers": r"(?m)^ {0,3}#{1,6}[ \t]+\S",
    "bullets": r"(?m)^[ \t]*[-*+•][ \t]+\S",
    "numbered": r"(?m)^[ \t]*\d{1,9}[.)][ \t]+\S",
    "tables": r"(?m)^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$",
    "bold": r"\*\*[^\s*](?:[^*\n]*[^\s*])?\*\*|\b__[^\s_](?:[^_\n]*[^\s_])?__\b",
    "links": r"\[[^\[\]\n]+\]\([^()\s]+(?:[ \t]+\"[^\"\n]*\")?\)",
    "images": r"!\[[^\[\]\n]*\]\([^()\s]+\)",
    "quotes": r"(?m)^ {0,3}>[ \t]?\S",
    "rules": r"(?m)^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$",
    "inline_code": r"`[^`\n]+`",
}
# What stands before and after a mark counts here and belongs to the next piece too, so this looks around; it
# reads no further than the next mark.
_ITALIC = re.compile(
    r"(?<![*\w])\*[^\s*](?:[^*\n]*[^\s*])?\*(?![*\w])|(?<![_\w])_[^\s_](?:[^_\n]*[^\s_])?_(?![_\w])"
)
_FENCE = r"(?m)^[ \t]*(```+|~~~+)"


@CHECKS.register("markdown")
class Markdown(Check):
    """The output has as much Markdown of each kind as said: `markdown: {headers: {max: 0}, bullets: {min: 3}}`.

    All kinds that are given have to be within their bounds. What stands inside fenced code is code, not
    Markdown. A table counts by the line under its head.
    """

    headers: Range | None = None
    """Lines such as `## Title`."""
    bullets: Range | None = None
    """Items of lists: lines that begin with `-`, `*`, `+` or `•`."""
    numbered: Range | None = None
    """Items of numbered lists: `1. one`."""
    tables: Range | None = None
    """Tables."""
    bold: Range | None = None
    """Pieces of `**bold**` text."""
    italic: Range | None = None
    """Pieces of `*italic*` text."""
    links: Range | None = None
    """Links: `[text](address)`; images not counted."""
    images: Range | None = None
    """Images: `![text](address)`."""
    quotes: Range | None = None
    """Lines of quotations: `> quoted`."""
    rules: Range | None = None
    """Lines across the page: `---`."""
    inline_code: Range | None = None
    """Pieces of `code` in a line."""
    code_blocks: Range | None = None
    """Blocks of fenced code; one that is not closed counts."""

    @model_validator(mode="after")
    def _something(self) -> "Markdown":
        if not self._ranges():
            raise ValueError(f"needs at least one of {', '.join(type(self).model_fields)}")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if every kind is within its bounds."""
        outside, n_blocks = _without_code(text)
        counts = {
            kind: n_blocks if kind == "code_blocks" else count(kind, outside) for kind in self._ranges()
        }
        holds = all(bounds.holds(counts[kind], context.captures) for kind, bounds in self._ranges().items())
        return Found(holds, ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in counts.items()))

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in the bounds."""
        return frozenset().union(*(bounds.capture_names() for bounds in self._ranges().values()))

    def _ranges(self) -> dict[str, Range]:
        given = ((kind, getattr(self, kind)) for kind in type(self).model_fields)
        return {kind: bounds for kind, bounds in given if bounds is not None}


def count(kind: str, text: str) -> int:
    """Return how often a kind of Markdown is in a text that has no fenced code.

    >>> count("bold", "**a** and ** b **"), count("italic", "*a* _b_ a*b*c snake_case_name")
    (1, 2)
    """
    pattern = _ITALIC if kind == "italic" else compiled(_IN_TEXT[kind])
    n = sum(1 for _ in pattern.finditer(text))
    return n - count("images", text) if kind == "links" else n


def _without_code(text: str) -> tuple[str, int]:
    """Return a text without what is in its fences, and the number of them."""
    kept: list[str] = []
    n_blocks, fence, start = 0, "", 0
    marks: Sequence[tuple[str, int, int]] = [
        (match.group(1), match.start(), match.end()) for match in compiled(_FENCE).finditer(text)
    ]
    for mark, at, end in marks:
        if not fence:
            kept.append(text[start:at])
            fence, n_blocks = mark, n_blocks + 1
        elif mark[0] == fence[0] and len(mark) >= len(fence):
            fence, start = "", end
    if not fence:
        kept.append(text[start:])
    return "\n".join(kept), n_blocks
