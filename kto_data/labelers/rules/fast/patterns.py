"""Many RE2 patterns at once: which of them are found in which texts.

Plain patterns and lists of words share one automaton, so that a text is read once for all of them. More than a few
patterns with gaps (`refund.{0,40}card`) would make its states explode: `gap_patterns.py` looks for those.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import re2

from kto_data.labelers.rules.fast.evidence import Bools
from kto_data.labelers.rules.fast.gap_patterns import gap_search, literal_filter, re2_compiled, re2_options

_GAP = re.compile(r"(?<!\\)(?:\\\\)*(?:\.|\\[DSWPX]|\[\^[^\]]*\]|\\[swd])(?:[*+]|\{\d*,?\d*\})")
_FEW_GAPS = 4
"""So many patterns with gaps may share the automaton with the others."""
_GAPS_A_SET = 4
_FIRST_MEMORY, _MOST_MEMORY = 64 << 20, 1 << 30
_END = r"\z"
"""Found in every text; if it is not, the automaton ran out of memory and its answer is worth nothing."""


class PatternIndex:
    """Patterns, compiled.

    Args:
        patterns: In RE2's syntax; each compiles.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(dict.fromkeys(patterns))
        numbers = {pattern: number for number, pattern in enumerate(self._patterns)}
        gaps = [pattern for pattern in self._patterns if _has_gap(pattern)]
        gaps = gaps if len(gaps) > _FEW_GAPS else []
        shared = [pattern for pattern in self._patterns if pattern not in set(gaps)]
        filtered, unfiltered = _filterable(gaps)
        groups = [shared] if shared else []
        groups += [unfiltered[i : i + _GAPS_A_SET] for i in range(0, len(unfiltered), _GAPS_A_SET)]
        self._sets = [part for group in groups for part in _sets(group, numbers)]
        self._gaps = gap_search(filtered)
        self._gap_numbers = np.array([numbers[pattern] for pattern in filtered], dtype=np.int64)

    def search(self, texts: Sequence[memoryview]) -> dict[str, Bools]:
        """Return for each pattern whether it is found in each of the texts."""
        found = np.zeros((len(self._patterns) + 1, len(texts)), dtype=bool)  # at last, those of `_END`
        for search_set in self._sets:
            search_set.search(texts, found)
        rows, columns = self._gaps.search(texts)
        found[self._gap_numbers[columns], rows] = True
        return {pattern: found[number] for number, pattern in enumerate(self._patterns)}


class _Set:
    """Patterns in one automaton.

    Args:
        automaton: The patterns in their order, then `_END`.
        each: The patterns with their numbers.
    """

    def __init__(self, automaton: Any, each: Sequence[tuple[int, str]]) -> None:
        self._match = automaton.Match
        self._each = each
        self._numbers = np.array([number for number, _ in each] + [-1])

    def search(self, texts: Sequence[memoryview], found: Bools) -> None:
        """Mark which patterns are found in which texts, by their numbers and the texts'."""
        hits = list(map(self._match, texts))
        n_hits = np.fromiter(map(len, hits), dtype=np.int64, count=len(hits))
        which = np.fromiter(chain.from_iterable(hits), dtype=np.int64, count=int(n_hits.sum()))
        found[self._numbers[which], np.repeat(np.arange(len(texts)), n_hits)] = True
        for row in np.flatnonzero(n_hits == 0).tolist():
            for number, pattern in self._each:
                found[number, row] = re2_compiled(pattern).search(bytes(texts[row])) is not None


def _sets(patterns: Sequence[str], numbers: dict[str, int]) -> list[_Set]:
    """Return automata for the patterns: one, or more where one would be too large."""
    memory = _FIRST_MEMORY
    while memory <= _MOST_MEMORY:
        automaton = re2.Set.SearchSet(re2_options(memory))
        for pattern in patterns:
            automaton.Add(pattern)
        automaton.Add(_END)
        try:
            automaton.Compile()
        except re2.error:
            memory *= 4
            continue
        # the wrapper's own Match makes None of an empty answer, at a price for each text
        return [_Set(automaton._set, [(numbers[pattern], pattern) for pattern in patterns])]
    if len(patterns) == 1:
        return [_Set(_Nothing(), [(numbers[patterns[0]], patterns[0])])]
    half = len(patterns) // 2
    return [*_sets(patterns[:half], numbers), *_sets(patterns[half:], numbers)]


class _Nothing:
    """In place of an automaton that does not fit in memory: every text is searched for the pattern itself."""

    def Match(self, text: memoryview) -> Sequence[int]:  # noqa: N802 - as RE2 calls it
        """Return no answer."""
        return ()


def _has_gap(pattern: str) -> bool:
    return _GAP.search(pattern) is not None


def _filterable(patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the patterns that need some literal, and those that do not."""
    if not patterns:
        return [], []
    usable = [pattern for pattern in patterns if pattern.isascii()]
    always = set(literal_filter(usable).Match(b"", potential=True) or ()) if usable else set()
    needy = [pattern for number, pattern in enumerate(usable) if number not in always]
    return needy, [pattern for pattern in patterns if pattern not in set(needy)]
