"""Rules whose tests do not show both that they fire and that they hold back."""

from collections.abc import Iterator

from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.file_model import LoggedVote
from kto_data.labelers.rules.inline_tests import row_of_test
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.rule import Rule, RuleSet


def untested_rules(rules: RuleSet) -> Iterator[Finding]:
    """Yield rules without tests, or without a `fire` or an `ok` among them, and those that fire in none.

    A logged vote is passed on, not decided: it needs no tests.
    """
    for rule in rules.rules:
        if not isinstance(rule.vote, LoggedVote):
            yield from _untested(rule)


def _untested(rule: Rule) -> Iterator[Finding]:
    expected = {test.expect for test in rule.tests if not test.todo}
    if not rule.tests:
        yield Finding.of(rule, "no-tests", "has no tests; add one with expect: fire and one with expect: ok")
        return
    if "fire" not in expected:
        yield Finding.of(rule, "no-fire-test", "no test shows that it fires; add one with expect: fire")
    if "ok" not in expected:
        yield Finding.of(
            rule, "no-ok-test", "no test shows what it must not fire on; add one with expect: ok"
        )
    if "fire" in expected and not any(decide(rule, row_of_test(test)).fired for test in rule.tests):
        yield Finding.of(rule, "fires-in-no-test", "fires in none of its tests; see kto rules test")
