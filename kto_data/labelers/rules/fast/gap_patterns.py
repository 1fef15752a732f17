"""Many patterns with gaps (`refund.{0,40}card`) in many texts, of which the states of one automaton would explode.

RE2's filter looks for the literals that the patterns need, and tries a pattern only where these are. With the
`hyperscan` extra, hundreds of them go through Hyperscan first, whose cost hardly grows with their number; RE2 confirms
what it finds, and sees every text and pattern that the two read differently, so that the result is RE2's.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import re2

from kto_data.labelers.rules.fast.hyperscan_database import Scan, scanner

MANY = 200
"""So many patterns are worth the seconds that Hyperscan takes to compile them, once."""

# What Hyperscan, or the syntax that it reads, has another meaning for.
_READ_OTHERWISE = re.compile(r"\\[xpPQECvhRKzZ]|\(\?[a-zA-Z]*[mUx-]|[^\x00-\x7f]")
# A text with a letter that RE2 takes for `k` or `s` without its case, or with the white space that `\s` is not in RE2.
_SPECIAL = ("\u212a".encode(), "\u017f".encode(), b"\x0b")

Hits = tuple[list[int], list[int]]
"""The numbers of texts, and of the patterns found in them."""


class GapSearch(Protocol):
    """Patterns, ready to be searched for."""

    def search(self, texts: Sequence[memoryview]) -> Hits:
        """Return in which texts which patterns are found."""
        ...


def gap_search(patterns: Sequence[str]) -> GapSearch:
    """Return the quickest search for patterns in RE2's syntax, each of which needs some literal."""
    usable = [n for n, pattern in enumerate(patterns) if _READ_OTHERWISE.search(pattern) is None]
    scan = scanner([patterns[n] for n in usable]) if len(usable) >= MANY else None
    if scan is None:
        return Filtered(patterns)
    return _Scanned(patterns, [usable[n] for n in scan.scanned], scan)


class Filtered:
    """Patterns behind RE2's filter."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._filter: Any = literal_filter(patterns) if patterns else None

    def search(self, texts: Sequence[memoryview]) -> Hits:
        """Return in which texts which patterns are found."""
        rows: list[int] = []
        columns: list[int] = []
        for row, text in enumerate(texts) if self._filter is not None else ():
            for column in self._filter.Match(text) or ():
                rows.append(row)
                columns.append(column)
        return rows, columns


class _Scanned:
    """Patterns of which most go through Hyperscan.

    Args:
        patterns: All of them.
        scanned: The numbers of those that Hyperscan reads.
        scan: These, compiled.
    """

    def __init__(self, patterns: Sequence[str], scanned: Sequence[int], scan: Scan) -> None:
        self._patterns, self._scanned, self._scan = patterns, scanned, scan
        self._others = [n for n in range(len(patterns)) if n not in set(scanned)]
        self._rest = Filtered([patterns[n] for n in self._others])
        self._all = Filtered(patterns)

    def search(self, texts: Sequence[memoryview]) -> Hits:
        """Return in which texts which patterns are found."""
        rows: list[int] = []
        columns: list[int] = []
        plain: list[int] = []
        special: list[int] = []
        for row, text in enumerate(texts):
            (special if _is_special(bytes(text)) else plain).append(row)
        for row in plain:
            for number in self._scan.find(texts[row]):
                column = self._scanned[number]
                if re2_compiled(self._patterns[column]).search(bytes(texts[row])) is not None:
                    rows.append(row)
                    columns.append(column)
        for places, search, names in (
            (plain, self._rest, self._others),
            (special, self._all, range(len(self._patterns))),
        ):
            found, which = search.search([texts[row] for row in places])
            rows += [places[n] for n in found]
            columns += [names[n] for n in which]
        return rows, columns


def _is_special(text: bytes) -> bool:
    return any(mark in text for mark in _SPECIAL)


def literal_filter(patterns: Sequence[str]) -> Any:
    """Return RE2's filter for patterns."""
    made = re2.Filter()
    for pattern in patterns:
        made.Add(pattern, re2_options(None))
    made.Compile()
    return made


def re2_options(memory: int | None) -> Any:
    """Return options for RE2: the bytes that an automaton may take, None for as usual."""
    options = re2.Options()
    options.log_errors = False
    if memory is not None:
        options.max_mem = memory
    return options


def re2_compiled(pattern: str) -> Any:
    """Return a pattern of RE2's; the package keeps those that were compiled before."""
    return re2.compile(pattern, re2_options(None))
