"""Bullets, highlights, sections, titles, JSON, and answers to choose from."""

import json
import re

from kto_data.labelers.rules.ifeval.instruction import instruction

_STAR_BULLET = re.compile(r"^\s*\*[^\*].*$", re.MULTILINE)
_DASH_BULLET = re.compile(r"^\s*-.*$", re.MULTILINE)
_SINGLE = re.compile(r"\*([^\n\*]*)\*")
_DOUBLE = re.compile(r"\*\*([^\n\*]*)\*\*")
_TITLE = re.compile(r"<<[^\n]+>>")
_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")


@instruction("detectable_format:number_bullet_lists")
def number_bullet_lists(text: str, *, num_bullets: int) -> bool:
    """The text has exactly so many bullets: lines that begin with `-`, or with one `*`."""
    return len(_STAR_BULLET.findall(text)) + len(_DASH_BULLET.findall(text)) == num_bullets


@instruction("detectable_format:number_highlighted_sections")
def number_highlighted_sections(text: str, *, num_highlights: int) -> bool:
    """The text has at least so many highlights: `*something*` or `**something**` in one line."""
    inner = _SINGLE.findall(text) + _DOUBLE.findall(text)
    return sum(bool(piece.strip()) for piece in inner) >= num_highlights


@instruction("detectable_format:multiple_sections")
def multiple_sections(text: str, *, section_spliter: str, num_sections: int) -> bool:
    """The text has at least so many sections: the word, in just that case, and a number (`Section 2`)."""
    heads = re.findall(rf"{re.escape(section_spliter.strip())}\s?\d+", text)
    return len(heads) >= num_sections


@instruction("detectable_format:title")
def title(text: str) -> bool:
    """The text has a title in double angle brackets: `<<My title>>`, on one line."""
    return any(found.lstrip("<").rstrip(">").strip() for found in _TITLE.findall(text))


@instruction("detectable_format:json_format")
def json_format(text: str) -> bool:
    """The text is one JSON value, in a code fence or without; NaN and Infinity pass."""
    body = text.strip()
    for fence in _FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


@instruction("detectable_format:constrained_response")
def constrained_response(text: str) -> bool:
    """The text has one of `My answer is yes.`, `My answer is no.`, `My answer is maybe.`, in just that form."""
    return any(answer in text for answer in _ANSWERS)
