"""Vetoes that contradict each other: a sample on which both fire stays undecided."""

from collections.abc import Iterator, Sequence

from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.inline_tests import row_of_test
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.rule import Rule, RuleSet


def contradicting_vetoes(rules: RuleSet) -> Iterator[Finding]:
    """Yield vetoes that vote against an earlier one on a row of one of their tests."""
    vetoes = [rule for rule in rules.rules if rule.options.mode == "veto" and isinstance(rule.vote, int)]
    for place, rule in enumerate(vetoes):
        for other in vetoes[:place]:
            if example := _contradiction(rule, other):
                message = (
                    f"contradicts the veto {other.id} ({other.file}:{other.line}) in {example}; a sample with both stays "
                    "undecided: give one of them a `when`"
                )
                yield Finding.of(rule, "contradicting-vetoes", message)


def _contradiction(rule: Rule, other: Rule) -> str | None:
    """Return the test on whose row the two vote against each other."""
    for tested in (rule, other):
        for number, test in enumerate(tested.tests, start=1):
            row = row_of_test(test)
            votes = [decide(each, row).vote for each in (rule, other)]
            if _against(votes):
                return f"the test {test.name or number!r} of {tested.id}"
    return None


def _against(votes: Sequence[int | None]) -> bool:
    return {-1, 1} <= set(votes)
