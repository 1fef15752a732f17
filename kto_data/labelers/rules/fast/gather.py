"""Evidence of the texts of one scope: all patterns and statistics that the checks on it name."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kto_data.labelers.rules.fast.block import MAX_BYTES, MAX_TEXTS, Block
from kto_data.labelers.rules.fast.evidence import Bools, Evidence, Pattern, Statistic
from kto_data.labelers.rules.fast.patterns import PatternIndex


class Gatherer:
    """Gathers evidence.

    Args:
        wanted: What to look for.
    """

    def __init__(self, wanted: Sequence[Pattern | Statistic]) -> None:
        unique = dict.fromkeys(wanted)
        self._patterns = [each for each in unique if isinstance(each, Pattern)]
        self._statistics = [each for each in unique if not isinstance(each, Pattern)]
        self._index = PatternIndex([each.pattern for each in self._patterns])

    def gather(
        self, texts: Sequence[memoryview], scope: Callable[[str], Sequence[memoryview]] = lambda name: ()
    ) -> Evidence:
        """Return the evidence of some texts; `scope` gives other texts of the same rows."""
        n = len(texts)
        numbers = {statistic: np.zeros(n, dtype=np.int64) for statistic in self._statistics}
        ascii_only, plain, measured = (np.zeros(n, dtype=bool) for _ in range(3))
        for start, end in _runs(texts):
            if end - start == 1 and len(texts[start]) > MAX_BYTES:
                ascii_only[start] = bytes(texts[start]).isascii()
                continue
            block = Block(texts[start:end])
            measured[start:end] = True
            ascii_only[start:end] = block.ascii_only
            if self._statistics:
                plain[start:end] = block.plain
            for statistic, counts in numbers.items():
                counts[start:end] = statistic.of(block)
        found: dict[Pattern | Statistic, Any] = {}
        found.update(numbers.items())
        hits: dict[str, Bools] = self._index.search(texts)
        found.update((pattern, hits[pattern.pattern]) for pattern in self._patterns)
        return Evidence(texts, found, ascii_only=ascii_only, measured=measured, plain=plain, scope=scope)


def _runs(texts: Sequence[memoryview]) -> Iterator[tuple[int, int]]:
    """Yield the first text and the one after the last of each run that makes a block, or is one long text."""
    ends = np.cumsum([0, *map(len, texts)])
    start = 0
    while start < len(texts):
        fitting = int(np.searchsorted(ends, ends[start] + MAX_BYTES, side="right")) - 1
        end = max(start + 1, min(fitting, start + MAX_TEXTS))
        yield start, end
        start = end
