"""Rules that cannot fire, whatever the row."""

from collections.abc import Iterator

from kto_data.labelers.rules.conditions import AtLeast, Condition, Not
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.lint.implication import Implications
from kto_data.labelers.rules.rule import RuleSet


def dead_rules(rules: RuleSet) -> Iterator[Finding]:
    """Yield rules whose `when` and `match` ask for something and for its opposite."""
    implies = Implications().implies
    for rule in rules.rules:
        asked = [part for condition in (rule.when, rule.match) if condition for part in _all_of(condition)]
        refused = [part.part for part in asked if isinstance(part, Not)]
        if any(implies(one, other) for other in refused for one in asked):
            message = "can never fire: it asks for something and for its opposite; drop one of them"
            yield Finding.of(rule, "never-fires", message)


def _all_of(condition: Condition) -> Iterator[Condition]:
    """Yield the parts that all have to hold."""
    if isinstance(condition, AtLeast) and condition.n == len(condition.parts):
        for part in condition.parts:
            yield from _all_of(part)
    else:
        yield condition
