"""Patterns that backtrack without end: a short text on which one takes very long, found by trying."""

import re
import time
import warnings
from collections.abc import Iterable, Iterator
from itertools import product
from re import _constants as code  # type: ignore[attr-defined]  # Python's own reader of its patterns
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from kto_data.labelers.rules.checks.python_pattern import compiled

_PUMPED = (30, 400)
"""How often what can be repeated in several ways is repeated: 2^30 ways, or 400^3, are beyond the time limit."""
_LIMIT_S = 0.1
_ENDS = ("\x00", "!", "\n", "")
_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT)
_MANY = 10


def attack(pattern: str) -> str | None:
    """Return a text of a few hundred characters on which a Python pattern takes longer than a tenth of a second.

    Only repeats that hold a repeat or a choice are tried, because nothing else is exponential; what takes long on
    long texts alone is ended by the rule's `timeout_s`.
    """
    tree = _parsed(pattern)
    if tree is None:
        return None
    for before, inside in _suspects(tree, ""):
        for once in dict.fromkeys([_example(inside, 0), _example(inside, 1)]):
            for n, end in product(_PUMPED if once else (), _ENDS):
                text = before + once * n + end
                if _takes_long(pattern, text):
                    return text
    return None


def example_of(pattern: str) -> str:
    r"""Return a text that a pattern matches, as far as that is plain; empty where nothing can be told.

    >>> example_of(r"(?i)no(?:t|ne) \d{2}")
    'not 11'
    """
    tree = _parsed(pattern)
    return "" if tree is None else _example(tree, 0)


def _parsed(pattern: str) -> Any:
    """Return a pattern as Python reads it; None for what only others read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _takes_long(pattern: str, text: str) -> bool:
    """Return whether a search takes longer than the limit; other programs' work does not count."""
    for patience_s in (1.2 * _LIMIT_S, 5 * _LIMIT_S):  # the latter only on a busy machine
        started = time.process_time()
        try:
            compiled(pattern).search(text, timeout=patience_s)
            return False
        except TimeoutError:
            if time.process_time() - started > _LIMIT_S:
                return True
    return False


def _suspects(items: Iterable[Any], before: str) -> Iterator[tuple[str, Any]]:
    """Yield what is repeated and holds a repeat or a choice, each with an example of what stands before it."""
    for operator, argument in items:
        if operator in _REPEATS:
            _, high, inside = argument
            if _is_many(high) and _is_ambiguous(inside):
                yield before, inside
            yield from _suspects(inside, before)
        for part in _parts(operator, argument):
            yield from _suspects(part, before)
        before += _example([(operator, argument)], 0)


def _is_many(high: Any) -> bool:
    return high is code.MAXREPEAT or int(high) >= _MANY


def _is_ambiguous(items: Iterable[Any]) -> bool:
    for operator, argument in items:
        if operator is code.BRANCH or (operator in _REPEATS and argument[0] != argument[1]):
            return True
        if any(_is_ambiguous(part) for part in _parts(operator, argument)):
            return True
    return False


def _parts(operator: Any, argument: Any) -> list[Any]:
    """Return the sequences inside of a part of a pattern that is no repeat."""
    if operator is code.SUBPATTERN:
        return [argument[3]]
    if operator is code.BRANCH:
        return list(argument[1])
    return [argument[1]] if operator in (code.ASSERT, code.ASSERT_NOT) else []


def _example(items: Iterable[Any], choice: int) -> str:
    """Return a text that a sequence matches, as far as that is plain."""
    return "".join(_example_of(operator, argument, choice) for operator, argument in items)


def _example_of(operator: Any, argument: Any, choice: int) -> str:
    if operator is code.LITERAL:
        return chr(argument)
    if operator is code.ANY:
        return "a"
    if operator is code.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if operator is code.IN:
        return _member(argument)
    if operator is code.SUBPATTERN:
        return _example(argument[3], choice)
    if operator is code.BRANCH:
        return _example(argument[1][min(choice, len(argument[1]) - 1)], choice)
    if operator in _REPEATS:
        low, high, inside = argument
        return _example(inside, choice) * max(int(low), 1 if high is code.MAXREPEAT or int(high) else 0)
    return ""


_MEMBERS = {code.CATEGORY_DIGIT: "1", code.CATEGORY_SPACE: " ", code.CATEGORY_WORD: "a"}


def _member(items: Any) -> str:
    """Return a character of a set."""
    if items[0][0] is code.NEGATE:
        excluded = {chr(value) for kind, value in items[1:] if kind is code.LITERAL}
        classes = [value for kind, value in items[1:] if kind is code.CATEGORY]
        excluded |= {_MEMBERS[value] for value in classes if value in _MEMBERS}
        return next((letter for letter in "a1 -." if letter not in excluded), "~")
    kind, value = items[0]
    if kind is code.CATEGORY:
        return _MEMBERS.get(value, ".")
    return chr(value if kind is code.LITERAL else value[0])
