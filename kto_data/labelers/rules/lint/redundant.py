"""Rules that say nothing new: the same as another, or only where another says it too."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kto_data.labelers.rules.conditions import AtLeast, Condition
from kto_data.labelers.rules.lint.alike import Alike
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.lint.implication import Implications
from kto_data.labelers.rules.rule import Rule, RuleSet


def redundant_rules(rules: RuleSet) -> Iterator[Finding]:
    """Yield rules that fire, with the same vote and mode, only where another one fires.

    Rules of one `group` may: there only the strongest vote counts, and a narrower rule can be the stronger one.
    """
    of_one_kind: dict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for rule in rules.rules:
        if isinstance(rule.vote, int):
            of_one_kind[rule.vote, rule.options.mode, rule.options.otherwise].append(rule)
    for some in of_one_kind.values():
        yield from _redundant(some)


def _redundant(rules: Sequence[Rule]) -> Iterator[Finding]:
    implications = Implications()
    implies = implications.implies
    fires = [_fires(rule) for rule in rules]
    alike = Alike(fires, implications)
    for place, rule in enumerate(rules):
        for number in alike.to(place):
            other = rules[number]
            if number == place or not implies(fires[place], fires[number]):
                continue
            at = f"{other.id} ({other.file}:{other.line})"
            if implies(fires[number], fires[place]):
                if number < place:
                    yield Finding.of(rule, "duplicate", f"fires exactly where {at} does; drop one of them")
                    break
            elif rule.options.group is None or rule.options.group != other.options.group:
                message = f"fires only where {at} does, with the same vote; drop it, or give both a group"
                yield Finding.of(rule, "subsumed", message)
                break


def _fires(rule: Rule) -> Condition:
    """Return the condition that holds where a rule fires."""
    parts = tuple(part for part in (rule.when, rule.match) if part is not None)
    return parts[0] if len(parts) == 1 else AtLeast(len(parts), parts)
