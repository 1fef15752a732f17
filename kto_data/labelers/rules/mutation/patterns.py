r"""Changes of a pattern that loosen or narrow it: without an anchor, a flag, or one of its alternatives.

A pattern is cut as a text, knowing no more than escapes, classes and parentheses; what does not compile afterwards is
no mutant.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

_MOST_ALTERNATIVES = 12
_ANCHORS = re.compile(r"\\[bBAzZ]|\^|\$")


def loosened(pattern: str) -> Iterator[tuple[str, str, str]]:
    r"""Yield changed patterns, each with what was changed and the test that would notice.

    >>> [(new, change) for new, change, _ in loosened(r"(?i)^a|b")]
    [('^a|b', 'without its flag i'), ('(?i)a|b', 'without ^'), ('(?i)b', "without the alternative '^a'"), ('(?i)^a', "without the alternative 'b'")]
    """
    if flags := re.match(r"\(\?([a-zA-Z]*)i([a-zA-Z]*)\)", pattern):
        rest = flags[1] + flags[2]
        yield (
            (f"(?{rest})" if rest else "") + pattern[flags.end() :],
            "without its flag i",
            "a text that it matches in another case alone",
        )
    plain = list(_plain(pattern))
    for kind, places in _anchors(pattern, plain).items():
        kept = "".join(char for place, char in enumerate(pattern) if place not in places)
        yield kept, f"without {kind}", f"a text with a match of the rest where {kind} does not hold"
    start = flags.end() if flags else 0
    alternatives = list(_alternatives(pattern, plain, start))
    step = max(1, -(-len(alternatives) // _MOST_ALTERNATIVES))
    for first, last, drop_from, drop_to in alternatives[::step]:
        text = pattern[first:last]
        yield (
            pattern[:drop_from] + pattern[drop_to:],
            f"without the alternative {text[:40]!r}",
            f"a text that matches by {text[:40]!r} alone",
        )


def _plain(pattern: str) -> Iterator[int]:
    """Yield the places of characters that are neither escaped nor in a class; of an escape, its backslash."""
    place, in_class = 0, False
    while place < len(pattern):
        char = pattern[place]
        if not in_class:
            yield place
        if char == "\\":
            place += 1
        elif char == "[" and not in_class:
            in_class = True
            place += pattern[place + 1 : place + 2] == "^"
            place += (
                pattern[place + 1 : place + 2] == "]"
            )  # a bracket that comes first is one of the characters
        elif char == "]":
            in_class = False
        place += 1


def _anchors(pattern: str, plain: list[int]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for place in plain:
        if anchor := _ANCHORS.match(pattern, place):
            found.setdefault(anchor[0], set()).update(range(place, anchor.end()))
    return found


def _alternatives(pattern: str, plain: list[int], start: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the alternatives of each group that has several: from, to, and what to cut with its bar."""
    open_at = [start]
    bars: list[list[int]] = [[]]
    for place in [*plain, len(pattern)]:
        char = pattern[place] if place < len(pattern) else ")"
        if place < start:
            continue
        if char == "(":
            open_at.append(_inside(pattern, place))
            bars.append([])
        elif char == "|":
            bars[-1].append(place)
        elif char == ")" and open_at:
            first, cuts = open_at.pop(), bars.pop()
            edges = [first - 1, *cuts, place]
            if cuts:
                for number, (left, right) in enumerate(pairwise(edges)):
                    # the bar before it goes too; of the first one, the bar behind it
                    yield (left + 1, right, left if number else first, right if number else right + 1)


def _inside(pattern: str, place: int) -> int:
    """Return where a group's content begins."""
    found = re.match(r"\((?:\?(?:P?<\w+>|<?[=!]|[a-zA-Z-]*:|>))?", pattern[place:])
    return place + (found.end() if found else 1)
