"""Whether two answers are the same."""

import re
from fractions import Fraction

from kto_data.labelers.rules.answers.rational import Number, number, plain

_VARIABLE = re.compile(r"^[A-Za-z]\w*(?=\s*=)\s*=")
_MAX_ANSWER = 1000  # characters up to which an answer can be a list
_SPACE = re.compile(r"\s+")
_OPEN, _CLOSE = "([{", ")]}"


def same(one: str, other: str, *, tolerance: Fraction = Fraction(0)) -> bool:
    r"""Return whether two answers are the same number, the same list of numbers, or the same expression as written.

    >>> same("0.5", r"$\frac12$"), same("(1, 2/4)", "(1,0.5)"), same("x+1", "x + 1"), same("5", "6")
    (True, True, True, False)
    """
    first, second = number(one), number(other)
    if first is not None and second is not None:
        return equal(first, second, tolerance)
    if (first is None) != (second is None):
        return False
    if max(len(one), len(other)) > _MAX_ANSWER:
        return _written(one) == _written(other)
    parts, others = _parts(one), _parts(other)
    if len(parts) > 1 and len(parts) == len(others):
        if _ends(one) != _ends(other):
            return False
        return all(same(part, each, tolerance=tolerance) for part, each in zip(parts, others, strict=True))
    return _written(one) == _written(other)


def equal(one: Number, other: Number, tolerance: Fraction) -> bool:
    """Return whether two numbers are the same within a tolerance.

    If one of them has a percent sign, the other may be the share too: `50%` is 50 and 0.5.
    """
    if abs(one.value - other.value) <= tolerance:
        return True
    if one.percent == other.percent:
        return False
    share, plain_number = (one, other) if one.percent else (other, one)
    return abs(share.value / 100 - plain_number.value) <= tolerance / 100


def _written(text: str) -> str:
    body = _VARIABLE.sub("", plain(text)).rstrip(".,;! ")
    return _SPACE.sub("", body).casefold()


def _ends(text: str) -> tuple[str, str]:
    """Return the brackets around a list, which say whether an interval holds its ends."""
    body = plain(text)
    return (body[:1], body[-1:]) if body[:1] in _OPEN and body[-1:] in _CLOSE else ("", "")


def _parts(text: str) -> list[str]:
    """Return the parts of a list such as `(1, 2)` or `1, 2`; one part where it is none."""
    body = plain(text).rstrip(".")
    if body[:1] and body[0] in _OPEN and body[-1] in _CLOSE:
        body = body[1:-1]
    depth, parts, start = 0, [], 0
    for place, character in enumerate(body):
        depth += (character in _OPEN) - (character in _CLOSE)
        if character == "," and not depth and body[place + 1 : place + 2] != "":
            parts.append(body[start:place])
            start = place + 1
    return [*parts, body[start:]]
