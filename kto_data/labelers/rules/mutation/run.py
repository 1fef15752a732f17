"""Whether the tests of rules notice small changes of them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from typing import Literal

from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.inline_tests import outcome_of, row_of_test
from kto_data.labelers.rules.mutation.change import Mutant
from kto_data.labelers.rules.mutation.mutants import mutants
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.labelers.rules.watched import Stopped, watched

Verdict = Literal["noticed", "survived", "the same"]


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed.

    Attributes:
        file: The rule file, as the user named it.
        line: The line of what was changed.
        rule: The rule's id.
        change: What was changed.
        missing: The test that would notice it.
    """

    file: str
    line: int
    rule: str
    change: str
    missing: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.change}: no test notices; add {self.missing}"


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What came of changing rules.

    Attributes:
        n_mutants: Changes that were tried; those that change nothing, or make no rule, do not count.
        n_noticed: Those that a test noticed.
        n_stopped: Those that took too long or ended their process; they count as noticed.
        n_left: Changes that there was no time for.
        n_untested: Rules without a test, which notice nothing.
        survivors: The changes that no test noticed, in file order.
    """

    n_mutants: int
    n_noticed: int
    n_stopped: int
    n_left: int
    n_untested: int
    survivors: tuple[Survivor, ...]


@dataclass(frozen=True, slots=True)
class _Tested:
    """A rule that is changed, with its place in its file and the rows of its tests."""

    rule: Rule
    file: YamlFile
    number: int
    rows: Sequence[tuple[Row, str]]

    def try_(self, mutant: Mutant) -> Verdict:
        """Return whether a test notices a change."""
        only = {key: value for key, value in mutant.raw.items() if key != "tests"}
        data = {key: value for key, value in self.file.data.items() if key != "imports"}
        file = YamlFile(self.file.name, self.file.folder, data | {"rules": [only]})
        try:
            [changed] = parse_rules(file).rules
        except ConfigError:
            return "the same"  # what is no rule cannot be mistaken for one
        if changed.version == self.rule.version:
            return "the same"
        noticed = any(outcome_of(decide(changed, row)) != expected for row, expected in self.rows)
        return "noticed" if noticed else "survived"


def test_mutants(
    rules: RuleSet, files: Mapping[str, YamlFile], *, seconds: float, timeout_s: float, wordings: bool
) -> MutationResult:
    """Change rules in small ways, and tell which changes their tests do not notice.

    Args:
        rules: The rules; those that pass on a logged vote have nothing to change.
        files: The files that they are from, by the name that messages use.
        seconds: For all of it; what there was no time for is counted. Each rule has its turn before any has a
            second one.
        timeout_s: For each change.
        wordings: Whether to try changes inside lists of words and patterns, too. There are many of them, and a word
            that is one of twenty of a kind can do without a test of its own.
    """
    tested = list(_tested(rules, files))
    per_rule = [
        [
            (one, mutant)
            for mutant in mutants(one.file.data["rules"][one.number])
            if wordings or not mutant.is_wording
        ]
        for one in tested
        if one.rows
    ]
    tasks = [task for task in chain.from_iterable(zip_longest(*per_rule)) if task is not None]
    counts = {"noticed": 0, "survived": 0, "the same": 0, "stopped": 0}
    survivors = []
    deadline = time.monotonic() + seconds
    verdicts = watched([partial(one.try_, mutant) for one, mutant in tasks], timeout_s=timeout_s)
    for (one, mutant), verdict in zip(tasks, verdicts, strict=False):
        counts["stopped" if isinstance(verdict, Stopped) else verdict] += 1
        if verdict == "survived":
            line = one.file.line_of(("rules", one.number, *mutant.path))
            survivors.append(Survivor(one.rule.file, line, one.rule.id, mutant.change, mutant.missing))
        if time.monotonic() > deadline:
            break
    verdicts.close()
    order = {rule.id: number for number, rule in enumerate(rules.rules)}
    return MutationResult(
        n_mutants=counts["noticed"] + counts["survived"] + counts["stopped"],
        n_noticed=counts["noticed"] + counts["stopped"],
        n_stopped=counts["stopped"],
        n_left=len(tasks) - sum(counts.values()),
        n_untested=sum(not one.rows for one in tested),
        survivors=tuple(sorted(survivors, key=lambda one: (order[one.rule], one.line))),
    )


test_mutants.__test__ = False  # type: ignore[attr-defined]  # its name is no test's, whatever pytest thinks


def _tested(rules: RuleSet, files: Mapping[str, YamlFile]) -> Iterator[_Tested]:
    numbers = {
        name: {raw.get("id"): number for number, raw in enumerate(file.data.get("rules", []))}
        for name, file in files.items()
    }
    for rule in rules.rules:
        if isinstance(rule.vote, int):
            rows = [(row_of_test(test), test.expect) for test in rule.tests if not test.todo]
            yield _Tested(rule, files[rule.file], numbers[rule.file][rule.id], rows)
