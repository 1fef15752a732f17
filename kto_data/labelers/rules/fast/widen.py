r"""A Python pattern as one in RE2's syntax that is found wherever it is found, and in more places.

What RE2 lacks is left out (look-around, `\b`) or taken for anything (backreferences); classes that know
Unicode become those of ASCII and everything beyond; a letter without its case is every character that Python
might take for it. So a text without the wide pattern has none of the narrow one, and is told in linear time.
"""

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]  # Python's own reader of its patterns
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import re2

_ANY = "(?s:.)"
_ANYTHING = "(?s:.*)"
_BEYOND = r"\x{80}-\x{10ffff}"
_PROPERTY = re.compile(r"\\[pP]\{[^{}]*\}|\\.", re.DOTALL)
_PART = re.compile(r"\\[pP]\{[^{}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<(?=[A-Za-z_])", re.DOTALL)
_BRACE = re.compile(r"(?<!\\)(?:\\\\)*\{(?!\d*,?\d*\})")
_MOST = 1000  # repeats that RE2 can count

# The classes of Python's that are wider than RE2's, and those that are narrower.
_CATEGORIES = {
    code.CATEGORY_DIGIT: rf"0-9{_BEYOND}",
    code.CATEGORY_WORD: rf"\w{_BEYOND}",
    code.CATEGORY_SPACE: rf"\s\x0b\x1c-\x1f{_BEYOND}",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_NOT_WORD: r"\W",
    code.CATEGORY_NOT_SPACE: r"\S",
}
# What of each is surely in Python's class.
_SURE = {code.CATEGORY_DIGIT: "0-9", code.CATEGORY_WORD: r"\w", code.CATEGORY_SPACE: r"\s"}


@lru_cache(maxsize=1024)
def widened(pattern: str) -> str | None:
    r"""Return the wide pattern; None if there is none that leaves any text out.

    >>> widened(r"(?<!not )\bsorry\b")
    'sorry'
    >>> widened(r".*") is None
    True
    """
    readable = _readable(pattern)
    if readable is None or _BRACE.search(readable):
        return None  # braces that count nothing ask for what is nearly there: only the `regex` package knows that
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # sets inside sets mean different things to different readers
            tree = _parser.parse(readable)
        wide = _sequence(tree, tree.state.flags)
        options = re2.Options()
        options.log_errors = False
        compiled = re2.compile(wide, options)
    except (re.error, re2.error, Warning, _NotReadableError, RecursionError, OverflowError):
        return None
    return None if compiled.search("") else wide


class _NotReadableError(Exception):
    """Something in a pattern that this module does not know."""


def _readable(pattern: str) -> str | None:
    r"""Return the pattern as Python's `re` can read it: `\p{...}` as everything, `(?<name>` as `(?P<name>`."""
    if r"\p{" in pattern.lower() and "(?x" in pattern:
        return None  # comments could hold brackets

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text == "(?<":
            return "(?P<"
        if text[0] == "[" and any(_is_property(escape[0]) for escape in _PROPERTY.finditer(text)):
            return r"[\w\W]"
        return r"[\w\W]" if _is_property(text) else text

    return _PART.sub(part, pattern)


def _is_property(text: str) -> bool:
    return text[:3].lower() == r"\p{"


def _sequence(items: Iterable[Any], flags: int) -> str:
    return "".join(_item(operator, argument, flags) for operator, argument in items)


def _item(operator: Any, argument: Any, flags: int) -> str:  # noqa: C901 - one case for each part of a pattern
    if operator is code.LITERAL:
        return _literal(argument, flags)
    if operator is code.NOT_LITERAL:
        return f"[^{_escaped(argument)}]"
    if operator is code.ANY:
        return _ANY if flags & re.DOTALL else r"[^\n]"
    if operator is code.IN:
        return _set(argument, flags)
    if operator is code.BRANCH:
        return "(?:" + "|".join(_sequence(branch, flags) for branch in argument[1]) + ")"
    if operator is code.SUBPATTERN:
        _, added, removed, inside = argument
        return f"(?:{_sequence(inside, (flags | added) & ~removed)})"
    if operator is code.ATOMIC_GROUP:
        return f"(?:{_sequence(argument, flags)})"
    if operator in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
        low, high, inside = argument
        return f"(?:{_sequence(inside, flags)}){_count(int(low), high)}"
    if operator in (code.ASSERT, code.ASSERT_NOT):
        return ""
    if operator is code.AT:
        if argument is code.AT_BEGINNING:
            return "(?m:^)" if flags & re.MULTILINE else r"\A"
        return {code.AT_BEGINNING_STRING: r"\A", code.AT_END_STRING: r"\z"}.get(argument, "")
    if operator is code.GROUPREF:
        return _ANYTHING
    if operator is code.GROUPREF_EXISTS:
        _, yes, no = argument
        return f"(?:{_sequence(yes, flags)}|{_sequence(no or (), flags)})"
    raise _NotReadableError(operator)


def _count(low: int, high: Any) -> str:
    if high is code.MAXREPEAT or int(high) > _MOST:
        return "*" if low == 0 else "+" if low == 1 else f"{{{min(low, _MOST)},}}"
    return f"{{{low},{int(high)}}}"


def _literal(character: int, flags: int) -> str:
    if not flags & re.IGNORECASE:
        return _escaped(character)
    if character > 127:
        return f"[A-Za-z{_BEYOND}]"
    letter = chr(character)
    if not letter.isalpha():
        return _escaped(character)
    beyond = _BEYOND if letter in "iIkKsS" else ""  # letters that have others of their kind beyond ASCII
    return f"[{letter.lower()}{letter.upper()}{beyond}]"


def _set(items: Iterable[tuple[Any, Any]], flags: int) -> str:
    items = list(items)
    if items and items[0][0] is code.NEGATE:
        return _negated_set(items[1:])
    parts = []
    for kind, value in items:
        if kind is code.CATEGORY:
            parts.append(_CATEGORIES[value])
            continue
        low, high = (value, value) if kind is code.LITERAL else value
        if high > 127 and flags & re.IGNORECASE:
            return _ANY
        parts.append(f"{_escaped(low)}-{_escaped(high)}")
    if flags & re.IGNORECASE:
        return f"(?i:[{''.join(parts)}{_BEYOND}])"
    return f"[{''.join(parts)}]"


def _negated_set(items: Iterable[tuple[Any, Any]]) -> str:
    """Return what is outside of a part of the set: with a case or without it, that is more than outside of all."""
    parts = []
    for kind, value in items:
        if kind is code.CATEGORY:
            parts.append(_SURE.get(value, ""))
        else:
            low, high = (value, value) if kind is code.LITERAL else value
            parts.append(f"{_escaped(low)}-{_escaped(high)}")
    inside = "".join(parts)
    return f"[^{inside}]" if inside else _ANY


def _escaped(character: int) -> str:
    return (
        f"\\x{{{character:x}}}"
        if not (chr(character).isascii() and chr(character).isalnum())
        else chr(character)
    )
