"""Whether one condition holding means that another one holds, as far as that can be told without data.

Sound, not complete: what is said to follow does follow in every row, and much that follows is not seen.
"""

from collections.abc import Iterable, Mapping

from kto_data.labelers.rules.checks.check import Check
from kto_data.labelers.rules.checks.contains import WordNeeds, word_needs
from kto_data.labelers.rules.checks.length import length_bounds
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not
from kto_data.labelers.rules.limits import Range


class Implications:
    """What follows from what, among conditions that live as long as this does: each check is looked into once."""

    def __init__(self) -> None:
        self._words: dict[int, WordNeeds | None] = {}
        self._lengths: dict[int, Mapping[str, Range] | None] = {}

    def implies(self, one: Condition, other: Condition) -> bool:
        """Return whether `other` surely holds wherever `one` holds."""
        if isinstance(other, AtLeast):
            parts = (self.implies(one, part) for part in other.parts)
            return _at_least(other.n, len(other.parts), parts) or self._some_part(one, other)
        if isinstance(one, AtLeast):
            return self._some_part(one, other)
        if isinstance(one, Not) and isinstance(other, Not):
            # without a text in its scope a check is neither true nor false, so both have to look at the same one
            same_scope = _scopes(one) == _scopes(other) and len(_scopes(one)) == 1
            return same_scope and self.implies(other.part, one.part)
        if isinstance(one, Leaf) and isinstance(other, Leaf):
            same_type = one.name == other.name
            return one.scope == other.scope and self._check_implies(one.check, other.check, same_type)
        return False

    def words(self, check: Check) -> WordNeeds | None:
        """Return what words a check asks for, None if it is not about words."""
        if id(check) not in self._words:
            self._words[id(check)] = word_needs(check)
        return self._words[id(check)]

    def lengths(self, check: Check) -> Mapping[str, Range] | None:
        """Return the bounds that a check sets to each unit, None if it is not about length."""
        if id(check) not in self._lengths:
            self._lengths[id(check)] = length_bounds(check)
        return self._lengths[id(check)]

    def _some_part(self, one: Condition, other: Condition) -> bool:
        """Whether each choice of enough parts of `one` has a part that implies `other`."""
        if not isinstance(one, AtLeast):
            return False
        parts = (self.implies(part, other) for part in one.parts)
        return _at_least(len(one.parts) - one.n + 1, len(one.parts), parts)

    def _check_implies(self, one: Check, other: Check, same_type: bool) -> bool:
        needs, wanted = self.words(one), self.words(other)
        if needs and wanted:
            return needs.implies(wanted)
        bounds, asked = self.lengths(one), self.lengths(other)
        if not bounds or not asked:
            same = same_type and type(one) is type(other) and one == other
            return same and (not other.capture_names() or one.capture_names() == other.capture_names())
        return all(unit in bounds and _within(bounds[unit], asked[unit]) for unit in asked)


def _at_least(n: int, of: int, outcomes: Iterable[bool]) -> bool:
    """Return whether at least n of so many outcomes are true, looking at no more of them than tell."""
    hits = misses = 0
    for outcome in outcomes:
        hits += outcome
        misses += not outcome
        if hits >= n or misses > of - n:
            break
    return hits >= n


def _scopes(condition: Condition) -> frozenset[str]:
    return frozenset(leaf.scope for leaf in condition.leaves())


def _within(inner: Range, outer: Range) -> bool:
    """Return whether every count inside the one range is inside the other."""
    low = outer.min is None or inner.min == outer.min or _ordered(outer.min, inner.min)
    high = outer.max is None or inner.max == outer.max or _ordered(inner.max, outer.max)
    return low and high


def _ordered(low: int | str | None, high: int | str | None) -> bool:
    return isinstance(low, int) and isinstance(high, int) and low <= high
