"""Patterns in Python's syntax that are slow: needlessly, row by row, or without an end on some texts."""

import re
from collections.abc import Iterator

import re2

from kto_data.labelers.rules.checks.regex import Regex
from kto_data.labelers.rules.lint.backtracking import attack
from kto_data.labelers.rules.lint.finding import Finding
from kto_data.labelers.rules.rule import RuleSet

_READ_OTHERWISE = re.compile(r"\\[wWdDsSbBZ]|\$|\(\?[a-zA-Z]*i|\\[pP]")
"""What RE2 takes for something else: classes that know ASCII alone, the end before a last line break, case."""


def slow_patterns(rules: RuleSet) -> Iterator[Finding]:
    """Yield rules with `engine: python` patterns that need not be, that nothing fast prepares, or that explode."""
    for rule in rules.rules:
        for leaf in rule.leaves():
            check = leaf.check
            if not isinstance(check, Regex) or check.engine != "python":
                continue
            shown = check.pattern if len(check.pattern) <= 60 else check.pattern[:57] + "..."
            if text := attack(check.pattern):
                message = (
                    f"{shown!r} takes very long on texts such as {text[:20]!r}... ({len(text)} characters); write it "
                    "without a repeat inside a repeat of the same characters"
                )
                yield Finding.of(rule, "catastrophic-pattern", message)
            if _same_in_re2(check.pattern):
                message = f"RE2 reads {shown!r} as well and is many times faster; leave out engine: python"
                yield Finding.of(rule, "slow-pattern", message)
            elif check.wide() is None:
                message = (
                    f"{shown!r} is tried on every row, one after another: nothing in it can be looked for first; "
                    "say it with two checks, such as all: [{regex: ...}, {not: {regex: ...}}]"
                )
                yield Finding.of(rule, "slow-pattern", message)


def _same_in_re2(pattern: str) -> bool:
    """Whether RE2 reads the pattern, and surely as Python does."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return _READ_OTHERWISE.search(pattern) is None
