"""The tests that stand beside the rules in a rule file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kto_data.labelers.rules.decide import Decision, decide
from kto_data.labelers.rules.file_model import InlineTest
from kto_data.labelers.rules.row import Message, Row
from kto_data.labelers.rules.rule import RuleSet

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


def run_inline_tests(rules: RuleSet) -> Iterator[InlineResult]:
    """Run the tests of all rules, in file order."""
    for rule in rules.rules:
        for number, (test, line) in enumerate(zip(rule.tests, rule.test_lines, strict=True), start=1):
            decision = decide(rule, row_of_test(test))
            got = _got(decision)
            name = test.name or f"test {number}"
            status = _status(passes=got == test.expect, todo=test.todo)
            yield InlineResult(rule.file, line, rule.id, name, test.expect, got, status, decision)


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


def _got(decision: Decision) -> Got:
    if decision.error is not None:
        return "fault"
    if decision.fired is None:
        return "skip"
    return "fire" if decision.fired else "ok"


def _status(*, passes: bool, todo: bool) -> Status:
    if todo:
        return "todo passes" if passes else "todo"
    return "passed" if passes else "failed"
