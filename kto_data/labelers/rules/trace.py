"""What each part of a rule made of a row, for people who wonder why it fires, or does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not, Outcome
from kto_data.labelers.rules.decide import Decision, decide
from kto_data.labelers.rules.limits import Captures, RowError
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.rule import Rule
from kto_data.labelers.rules.spans import Span


@dataclass(frozen=True, slots=True)
class Traced:
    """One part of a condition on one row.

    Attributes:
        part: `all`, `any`, `not`, `at_least`, or the check's name.
        options: The check's options, or `n` of `at_least`.
        scope: The text that a check looks at; empty for a composition, or a check of columns.
        holds: True, False, or None where it does not apply or failed.
        evidence: What was found.
        spans: Where it was found.
        error: Why it failed; None if it did not.
        parts: What it consists of.
    """

    part: str
    options: dict[str, Any]
    scope: str
    holds: bool | None
    evidence: str
    spans: tuple[Span, ...]
    error: str | None
    parts: tuple["Traced", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        spans = [{"start": s.start, "end": s.end, "scope": s.scope, "text": s.text} for s in self.spans]
        return {
            "part": self.part,
            "options": self.options,
            "scope": self.scope,
            "holds": self.holds,
            "evidence": self.evidence,
            "spans": spans,
            "error": self.error,
            "parts": [part.as_json() for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class TracedRule:
    """What a rule did with a row, and each of its parts.

    Attributes:
        rule: The rule.
        decision: What it did.
        when: The parts of its `when`; None without one.
        match: The parts of its `match`; None without one, or where `when` does not hold.
    """

    rule: Rule
    decision: Decision
    when: Traced | None
    match: Traced | None


def trace(rule: Rule, row: Row) -> TracedRule:
    """Return what a rule does with a row, part by part; a part that fails is part of the answer."""
    when = _traced(rule.when, row, {}) if rule.when else None
    captures: Captures = {}
    if rule.when and when and when.holds:
        captures = rule.when.decide(row, {}).captures
    applicable = when is None or when.holds
    match = _traced(rule.match, row, captures) if rule.match and applicable else None
    return TracedRule(rule, decide(rule, row), when, match)


def _traced(condition: Condition, row: Row, captures: Captures) -> Traced:
    try:
        outcome, error = condition.decide(row, captures), None
    except Exception as problem:  # noqa: BLE001 - what a check raises is told, as in a fault
        kind = "" if isinstance(problem, RowError) else f"{type(problem).__name__}: "
        outcome, error = Outcome(None), f"{kind}{problem}"
    part, options, scope = _named(condition, row)
    parts = tuple(_traced(one, row, captures) for one in _parts(condition))
    return Traced(part, options, scope, outcome.holds, outcome.evidence, outcome.spans, error, parts)


def _named(condition: Condition, row: Row) -> tuple[str, dict[str, Any], str]:
    if isinstance(condition, AtLeast):
        if condition.n == len(condition.parts):
            return "all", {}, ""
        return ("any", {}, "") if condition.n == 1 else ("at_least", {"n": condition.n}, "")
    if isinstance(condition, Leaf):
        return condition.name, options_of(condition), condition.scope if condition.check.reads_text else ""
    return "not" if isinstance(condition, Not) else "unresolved", {}, ""


def _parts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, AtLeast):
        yield from condition.parts
    elif isinstance(condition, Not):
        yield condition.part


def options_of(leaf: Leaf) -> dict[str, Any]:
    """Return a check's options that are not what they would be anyway."""
    return leaf.check.model_dump(mode="json", exclude_defaults=True, by_alias=True)
