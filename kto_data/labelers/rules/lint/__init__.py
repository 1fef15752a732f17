"""What is probably wrong with rules that can be read: each idea in a file of its own, none runs on data."""

from collections.abc import Callable, Iterator, Sequence

from kto_data.labelers.rules.lint.dead import dead_rules
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.lint.redundant import redundant_rules
from kto_data.labelers.rules.lint.slow_patterns import slow_patterns
from kto_data.labelers.rules.lint.untested import untested_rules
from kto_data.labelers.rules.lint.vetoes import contradicting_vetoes
from kto_data.labelers.rules.rule import RuleSet

_LINTERS: Sequence[Callable[[RuleSet], Iterator[Finding]]] = (
    untested_rules,
    dead_rules,
    redundant_rules,
    contradicting_vetoes,
    slow_patterns,
)


def lint_rules(rules: RuleSet) -> list[Finding]:
    """Return what is probably wrong with the rules, in the order of their files.

    What makes a file impossible to read (an empty list, a pattern that does not compile) is no finding: `load_rules`
    refuses it.
    """
    order = {rule.id: number for number, rule in enumerate(rules.rules)}
    found = [finding for linter in _LINTERS for finding in linter(rules)]
    return sorted(found, key=lambda finding: order[finding.rule])


__all__ = ["Finding", "lint_rules"]
