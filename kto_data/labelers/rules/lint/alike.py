"""Which conditions of many have anything to do with one another, so that not all pairs have to be looked at.

One condition can only follow from another if a check of theirs does: it is the same, its word stands in the
other's word, or both count the same unit.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from kto_data.labelers.rules.checks.contains import WordNeeds, lower
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not
from kto_data.labelers.rules.lint.implication import Implications

Numbers = dict[str, list[int]]


class Alike:
    """Conditions by what their checks look for.

    Args:
        conditions: The conditions; they are told by their number.
        implications: What is known of their checks.
    """

    def __init__(self, conditions: Sequence[Condition], implications: Implications) -> None:
        self._near: dict[int, set[int]] = defaultdict(set)
        self._implications = implications
        self._same(conditions)
        self._lengths(conditions)
        self._words(conditions)

    def _same(self, conditions: Sequence[Condition]) -> None:
        by_check: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, leaf in _leaves(conditions):
            by_check[leaf.scope, leaf.name, leaf.check.model_dump_json()].append(number)
        for numbers in by_check.values():
            self._join(numbers, numbers if len(numbers) > 1 else ())

    def _lengths(self, conditions: Sequence[Condition]) -> None:
        """Join those with limits of one unit: lengths alone make few conditions hold, and any may be within any other."""
        by_unit: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, leaf in _leaves(conditions):
            for unit in self._implications.lengths(leaf.check) or ():
                by_unit[leaf.scope, unit].append(number)
        for numbers in by_unit.values():
            enough = [number for number in numbers if _by_length(conditions[number], self._implications)]
            for number in numbers if enough else ():
                self._near[number].update(enough)

    def _words(self, conditions: Sequence[Condition]) -> None:
        words: dict[str, tuple[Numbers, Numbers]] = defaultdict(
            lambda: (defaultdict(list), defaultdict(list))
        )
        for number, leaf in _leaves(conditions):
            if needs := self._implications.words(leaf.check):
                said, asked = words[leaf.scope]
                for word in _all_or_one(needs, of_all=True):
                    said[word].append(number)
                for word in _all_or_one(needs, of_all=False):
                    asked[word].append(number)
        for said, asked in words.values():
            for word, inner in _inside(tuple(said), tuple(asked)):
                self._join(said[word], asked[inner])

    def _join(self, some: Sequence[int], others: Sequence[int]) -> None:
        for number in some:
            self._near[number].update(others)
        for number in others:
            self._near[number].update(some)

    def to(self, number: int) -> list[int]:
        """Return the numbers of the conditions that may follow from one."""
        return sorted(self._near[number])


def _leaves(conditions: Sequence[Condition]) -> Iterator[tuple[int, Leaf]]:
    for number, condition in enumerate(conditions):
        for leaf in condition.leaves():
            yield number, leaf


def _by_length(condition: Condition, implications: Implications) -> bool:
    """Return whether checks of length can be enough for a condition."""
    if isinstance(condition, AtLeast):
        return sum(_by_length(part, implications) for part in condition.parts) >= condition.n
    if isinstance(condition, Not):
        return _by_length(condition.part, implications)
    return isinstance(condition, Leaf) and bool(implications.lengths(condition.check))


def _all_or_one(needs: WordNeeds, *, of_all: bool) -> Iterator[str]:
    """Yield the words that decide: all of them, or one where every one of them would have to fit."""
    words = sorted(lower(word)[0] for word in needs.words)
    yield from words if needs.every is of_all else words[:1]


def _inside(words: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with each of the wanted texts that stands in it, and perhaps some pairs more."""
    joined = "\n".join(words)
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))
    for text in wanted:
        at = joined.find(text)
        while at >= 0:
            word = bisect_right(starts, at) - 1
            yield words[word], text
            at = joined.find(text, starts[word + 1])
