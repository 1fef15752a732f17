"""What a text looks like from outside: length, markdown, opening words, hedges. Nothing about what it says.

A label that such features foretell can be learnt without learning the task: a shortcut (Geirhos et al. 2020,
https://arxiv.org/abs/2004.07780). Word lists are English; other features hold for any language.
"""

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

NUMBERS = (
    "chars", "words", "lines", "headings", "bullets", "bold", "code_blocks", "links", "digit_share",
    "upper_share", "questions", "exclamations", "hedges", "apologies", "first_person", "ends_in_punctuation",
)  # fmt: skip
"""Features that are numbers: counts, but shares of characters where the name says so, and 0 or 1 for the last."""

_COUNTED = {
    "headings": r"(?m)^#{1,6}\s",
    "bullets": r"(?m)^\s*(?:[-*+•]|\d{1,3}[.)])\s",
    "bold": r"\*\*[^*\n]+\*\*|__[^_\n]+__",
    "code_blocks": r"(?m)^```",
    "links": r"https?://|\]\(",
    "hedges": r"(?i)\b(?:maybe|perhaps|possibly|probably|might|may|could be|it seems|it appears|likely|generally|"
    r"typically|usually|i think|i believe|i guess|not sure|in general|as an ai)\b",
    "apologies": r"(?i)\b(?:sorry|apologi[sz]e|apologies|unfortunately|i can(?:no|')t|i am unable|i'm unable)\b",
    "first_person": r"\b(?:I|I'm|I'd|I'll|I've|my|me)\b",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _COUNTED.items()}
_WORD = re.compile(r"\w+")
_MAX_CHARS = 20_000
"""Beyond these, counts are of the beginning only; `chars` is of the whole."""

TEXT_FIELDS = [pa.field(name, pa.float32()) for name in NUMBERS] + [pa.field("opening", pa.string())]
"""The columns that `surface` fills."""

SAMPLED_ROWS = 20_000
"""Rows of a split whose surface is looked at, chosen by a hash: more would tell no more, and take longer."""


def surface(text: str) -> dict[str, Any]:
    r"""Return the features of a text by the names of `TEXT_FIELDS`.

    >>> found = surface("Sorry, I might be wrong.\n- one\n- two")
    >>> found["opening"], found["bullets"], found["hedges"], found["apologies"], found["ends_in_punctuation"]
    ('sorry i', 2, 1, 1, 0.0)
    """
    head = text[:_MAX_CHARS]
    words = _WORD.findall(head)
    n = max(1, len(head))
    found: dict[str, Any] = {name: len(pattern.findall(head)) for name, pattern in _PATTERNS.items()}
    return found | {
        "chars": len(text),
        "words": len(words),
        "lines": head.count("\n") + 1,
        "digit_share": sum(map(str.isdigit, head)) / n,
        "upper_share": sum(map(str.isupper, head)) / n,
        "questions": head.count("?"),
        "exclamations": head.count("!"),
        "ends_in_punctuation": float(text.rstrip()[-1:] in tuple(".!?。！？")),
        "opening": " ".join(words[:2]).casefold()[:40],
    }


def text_of(messages: Sequence[dict[str, Any]]) -> str:
    """Return the contents of messages, one below the other."""
    return "\n".join(message["content"] for message in messages)
