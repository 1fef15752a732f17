"""A judge's `when`: a condition of the rule language, in which `unresolved` is known when the judge is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not, Outcome, Outcomes, Unresolved
from kto_data.labelers.rules.conditions_file import ConditionReader
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.sources import Sources
from kto_data.labelers.rules.word_lists import WordLists


@dataclass(frozen=True, slots=True)
class _Known:
    """Holds, or does not, in every row."""

    holds: bool

    def decide(self, row: Row, captures: Any) -> Outcome:
        return Outcome(self.holds)

    def decide_batch(self, rows: Any, captures: Any) -> Outcomes:
        return [Outcome(self.holds) for _ in rows]

    def definition(self) -> dict[str, Any]:
        return {"unresolved": self.holds}

    def leaves(self) -> Iterator[Leaf]:
        yield from ()

    def group_names(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class When:
    """Which rows a judge is asked about.

    Attributes:
        condition: The condition; None for every row.
    """

    condition: Condition | None = None

    def holds(self, row: Row, *, unresolved: bool) -> bool:
        """Return whether it is asked about a row; where the condition does not apply, it is not.

        Raises:
            Exception: A check fails on this row.
        """
        if self.condition is None:
            return True
        return bool(_bound(self.condition, unresolved).decide(row, {}).holds)

    @property
    def only_unresolved(self) -> bool:
        """Whether it is never asked about a sample that is resolved."""
        return self.condition is not None and _needs_unresolved(self.condition)

    @property
    def depends_on_unresolved(self) -> bool:
        """Whether other labelers' votes decide whether it is asked."""
        return self.condition is not None and _mentions_unresolved(self.condition)

    def reads(self) -> frozenset[str]:
        """Return the scopes and columns that it looks at."""
        leaves = list(self.condition.leaves()) if self.condition else []
        return frozenset({leaf.scope for leaf in leaves if leaf.check.reads_text}).union(
            *(leaf.check.reads() for leaf in leaves)
        )

    def definition(self) -> Any:
        """Return plain data that is equal exactly for conditions that mean the same."""
        return self.condition.definition() if self.condition else None


def read_when(data: Any, file: YamlFile, scope: str) -> When:
    """Return the condition under `when` of a judge file.

    Raises:
        ConfigError: With every mistake in it.
    """
    if data is None:
        return When()
    reader = ConditionReader(file, WordLists(file, {}), Sources(file), asks_judge=True)
    condition = reader.read(data, ("when",), scope)
    if reader.mistakes or condition is None:
        raise ConfigError(reader.mistakes)
    return When(condition)


def for_rules(own: When, conditions: Sequence[Condition | None]) -> When:
    """Return a `when` that also wants one of some rules' conditions; None holds everywhere."""
    given = [condition for condition in conditions if condition is not None]
    if len(given) < len(conditions):
        return own
    either = AtLeast(1, tuple(given))
    return When(either if own.condition is None else AtLeast(2, (own.condition, either)))


def _bound(condition: Condition, unresolved: bool) -> Condition:
    if isinstance(condition, Unresolved):
        return _Known(unresolved)
    if isinstance(condition, Not):
        return Not(_bound(condition.part, unresolved))
    if isinstance(condition, AtLeast):
        return AtLeast(condition.n, tuple(_bound(part, unresolved) for part in condition.parts))
    return condition


def _needs_unresolved(condition: Condition) -> bool:
    if isinstance(condition, AtLeast):
        free = sum(not _needs_unresolved(part) for part in condition.parts)
        return free < condition.n
    return isinstance(condition, Unresolved)


def _mentions_unresolved(condition: Condition) -> bool:
    if isinstance(condition, AtLeast):
        return any(_mentions_unresolved(part) for part in condition.parts)
    if isinstance(condition, Not):
        return _mentions_unresolved(condition.part)
    return isinstance(condition, Unresolved)
