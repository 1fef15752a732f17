"""The tests that stand beside the rules in a rule file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kto_data.labelers.rules.decide import Decision, decide
from kto_data.labelers.rules.file_model import InlineTest
from kto_data.labelers.rules.row import Message, Row
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.labelers.rules.watched import Stopped, watched

Got = Literal["fire", "ok", "skip", "fault"]
Status = Literal["passed", "failed", "todo", "todo passes"]


@dataclass(frozen=True, slots=True)
class InlineResult:
    """What came of one test.

    Attributes:
        file: The rule file, as the user named it.
        line: The line of the test.
        rule: The rule's id.
        name: The test's name; its number among the rule's tests where it has none.
        expected: What the rule should do.
        got: What it did.
        status: `todo` is a test that is known to fail, and does; `todo passes` is one that no longer does,
            so that its mark has to go.
        decision: What the rule did, with its message and spans.
    """

    file: str
    line: int
    rule: str
    name: str
    expected: str
    got: Got
    status: Status
    decision: Decision

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to mend something."""
        return self.status in ("failed", "todo passes")

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.rule}: {self.name}: {self.status}"
        if self.status != "failed":
            return text
        reason = self.decision.error or self.decision.evidence
        return f"{text}: expected {self.expected}, got {self.got}" + (f" ({reason})" if reason else "")


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a rule.

    Attributes:
        rule: The rule.
        test: The test.
        line: Its line.
        number: Its number among the rule's tests, from 1.
    """

    rule: Rule
    test: InlineTest
    line: int
    number: int

    def run(self) -> InlineResult:
        """Return what comes of it."""
        return self.result(decide(self.rule, row_of_test(self.test)))

    def result(self, decision: Decision) -> InlineResult:
        """Return what a decision of the rule means for the test."""
        got = outcome_of(decision)
        status = _status(passes=got == self.test.expect, todo=self.test.todo)
        name = self.test.name or f"test {self.number}"
        return InlineResult(
            self.rule.file, self.line, self.rule.id, name, self.test.expect, got, status, decision
        )


def cases_of(rules: RuleSet) -> list[Case]:
    """Return the tests of all rules, in file order."""
    return [
        Case(rule, test, line, number)
        for rule in rules.rules
        for number, (test, line) in enumerate(zip(rule.tests, rule.test_lines, strict=True), start=1)
    ]


def run_inline_tests(rules: RuleSet, *, timeout_s: float | None = None) -> Iterator[InlineResult]:
    """Run the tests of all rules, in file order.

    Args:
        rules: The rules.
        timeout_s: Seconds after which a test is stopped, and failed; None for no limit. With a limit, tests
            run in a process of their own.
    """
    cases = cases_of(rules)
    if timeout_s is None:
        yield from (case.run() for case in cases)
        return
    results = watched([case.run for case in cases], timeout_s=timeout_s)
    for case, result in zip(cases, results, strict=True):
        if isinstance(result, Stopped):
            yield case.result(Decision(case.rule.id, None, None, error=result.reason))
        else:
            yield result


def row_of_test(test: InlineTest) -> Row:
    """Return the row that a test describes."""
    prompt: list[Message] = []
    if test.system is not None:
        prompt.append({"role": "system", "content": test.system})
    prompt.extend({str(key): text for key, text in message.items()} for message in test.messages or ())
    if test.prompt is not None:
        prompt.append({"role": "user", "content": test.prompt})
    return Row(
        prompt=prompt,
        completion=[{"role": "assistant", "content": test.completion}],
        next_turn=None if test.next_user is None else [{"role": "user", "content": test.next_user}],
        finish_reason=test.finish_reason,
        model=test.model,
        meta=test.meta,
    )


def outcome_of(decision: Decision) -> Got:
    """Return what a rule did, as tests say it."""
    if decision.error is not None:
        return "fault"
    if decision.fired is None:
        return "skip"
    return "fire" if decision.fired else "ok"


def _status(*, passes: bool, todo: bool) -> Status:
    if todo:
        return "todo passes" if passes else "todo"
    return "passed" if passes else "failed"
