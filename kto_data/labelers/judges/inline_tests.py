"""The tests that stand in a judge file, asked like rows and stored like them."""

from collections.abc import Iterator
from dataclasses import dataclass

from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge, row_of_test
from kto_data.labelers.judges.outcome import RowOutcome
from kto_data.labelers.judges.run import JudgeRun
from kto_data.schema import DESIRABLE, UNDESIRABLE

_NAMES = {DESIRABLE: "desirable", UNDESIRABLE: "undesirable"}


@dataclass(frozen=True, slots=True)
class JudgeTestResult:
    """What came of one test.

    Attributes:
        file: The judge file, as the user named it.
        line: The line of the test.
        judge: The judge's id.
        name: The test's name, or its number.
        expected: The vote that it should give.
        got: The vote that it gave; `fault` or `not asked` where there is none.
        reason: What the judge said, or why there is no vote.
    """

    file: str
    line: int
    judge: str
    name: str
    expected: str
    got: str
    reason: str

    @property
    def passed(self) -> bool:
        """Whether it gave the vote that it should."""
        return self.got == self.expected

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.judge}: {self.name}: "
        told = f" ({self.reason})" if self.reason else ""
        return text + ("passed" if self.passed else f"failed: expected {self.expected}, got {self.got}{told}")


def run_judge_tests(judge: Judge, cache: AnswerCache, *, send: bool = True) -> Iterator[JudgeTestResult]:
    """Run the tests of a judge, in file order; a judge with a vote a principle is undesirable if one of them is.

    Raises:
        UnavailableError: The server is down or refuses everything.
    """
    rows = ((row_of_test(test, judge.options.reference), True) for test in judge.tests)
    outcomes = JudgeRun(judge, cache, send=send).outcomes(rows)
    for number, outcome in enumerate(outcomes):
        test = judge.tests[number]
        got, reason = _got(outcome)
        name = test.name or f"test {number + 1}"
        line = judge.test_lines[number]
        yield JudgeTestResult(judge.file, line, judge.options.id, name, test.expect, got, reason)


def _got(outcome: RowOutcome) -> tuple[str, str]:
    if outcome.fault is not None:
        return "fault", outcome.fault
    if outcome.unsent is not None:
        return "not asked", outcome.unsent
    votes = [vote["vote"] for vote in outcome.votes]
    deciding = UNDESIRABLE if UNDESIRABLE in votes else DESIRABLE if DESIRABLE in votes else 0
    reason = next((vote["reason"] for vote in outcome.votes if vote["vote"] == deciding), "")
    return _NAMES.get(deciding, "abstain"), reason
