"""Whether a text matches a pattern, in RE2's syntax and in linear time."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar, Literal

import re2
from pydantic import Field, ValidationInfo, field_validator

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found, Word
from kto_data.labelers.rules.checks.python_pattern import compiled, matches
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic, all_sure
from kto_data.labelers.rules.fast.widen import widened
from kto_data.labelers.rules.limits import Range

_LOOK_AROUND = re.compile(r"(?<!\\)(?:\\\\)*(\(\?<?[=!])")
_BACKREFERENCE = re.compile(r"(?<!\\)(?:\\\\)*(\\[1-9]|\(\?P=\w+\)|\\k[<{]\w+[>}])")
_BACKTRACKING = re.compile(r"(?<!\\)(?:\\\\)*(\(\?>|[*+?}]\+)")


@CHECKS.register("regex")
class Regex(Check):
    r"""The text has a match of a pattern: `regex: '(?i)\brefund(s|ed)?\b'`.

    The pattern is searched anywhere; `^` and `$` are the ends of the text, and of each line
    after `(?m)`. RE2's `\b`, `\w` and `\d` know ASCII only. Named groups `(?P<n>\d+)` in a rule's
    `when` capture values for its `match`.

    With `engine: python` the pattern is in Python's syntax: look-around, backreferences, and classes that know
    all of Unicode. RE2 first looks for a wider pattern, so that most texts need no more than that; on the others
    it can take very long: a search beyond `timeout_s` is a fault. Everything that RE2 can say should be said in
    RE2, which is many times faster too.
    """

    short: ClassVar[str | None] = "pattern"
    patterns: ClassVar[frozenset[str]] = frozenset({"pattern"})
    fixed: ClassVar[frozenset[str]] = frozenset({"engine", "timeout_s"})

    engine: Literal["re2", "python"] = "re2"
    """The pattern's syntax: `re2`, in linear time, or `python`."""
    timeout_s: float = Field(default=1.0, gt=0, le=600)
    """Seconds that a search may take with `engine: python`."""
    pattern: str = Field(min_length=1)
    """The pattern, in the engine's syntax."""
    count: Range | None = None
    """How many matches that do not overlap there have to be; by default one or more."""

    except_: tuple[Word, ...] = Field(default=(), alias="except")
    """Matches that do not count, such as your own address, in upper or lower case."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str, info: ValidationInfo) -> str:
        if info.data.get("engine") == "python":
            compiled(pattern)
            return pattern
        problem = _problem(pattern)
        if problem:
            raise ValueError(problem)
        return pattern

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the pattern is found as often as asked."""
        excepted = {word.casefold() for word in self.except_}
        found = self._matches(text)
        counted = (match for match in found if match.group().casefold() not in excepted)
        noted = list(islice(counted, MAX_SPANS))
        spans = tuple(match.span() for match in noted)
        groups = noted[0].groupdict() if noted else {}
        captures = {name: value for name, value in groups.items() if value is not None}
        if self.count is None:
            return Found(bool(noted), noted[0].group() if noted else "", spans, captures)
        n = len(noted) + sum(1 for _ in counted)
        evidence = f"{n} match" if n == 1 else f"{n} matches"
        return Found(self.count.holds(n, context.captures), evidence, spans, captures)

    def _matches(self, text: str) -> Iterator[Any]:
        """Return the matches; none, without Python's engine, where even the wide pattern is not found."""
        if self.engine == "re2":
            found: Iterator[Any] = _compiled(self.pattern).finditer(text)
            return found
        wide = self.wide()
        if wide is not None and _compiled(wide).search(text) is None:
            return iter(())
        return matches(self.pattern, text, self.timeout_s)

    def wide(self) -> str | None:
        """Return a pattern of RE2's that is found wherever this one is, None if there is none of use."""
        return self.pattern if self.engine == "re2" else widened(self.pattern)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the pattern, or the wide one."""
        wide = self.wide()
        return () if wide is None else (Pattern(wide),)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of every text where a match is enough, else of those without one."""
        wide = self.wide()
        if wide is None:
            return None
        found = evidence.matches(Pattern(wide))
        if self.count is None:
            exact = self.engine == "re2" and not self.except_
            return all_sure(found) if exact else Settled(found, ~found)
        return Settled(evidence.constant(self.count.holds(0, {})), ~found)

    def group_names(self) -> frozenset[str]:
        """Return the pattern's named groups."""
        return frozenset(self._compiled().groupindex)

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `count`."""
        return self.count.capture_names() if self.count else frozenset()

    def _compiled(self) -> Any:
        return compiled(self.pattern) if self.engine == "python" else _compiled(self.pattern)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # they are raised, and belong in our message, not on stderr
    return re2.compile(pattern, options)


def _problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern and how to mend it, None if it is sound."""
    try:
        _compiled(pattern)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
    else:
        return None
    if found := _LOOK_AROUND.search(pattern):
        return (
            f"RE2 has no look-around ({found[1]}...); say it with two checks, such as "
            "all: [{regex: ...}, {not: {regex: ...}}], with the rule's `when`, or with engine: python"
        )
    if found := _BACKREFERENCE.search(pattern):
        return f"RE2 has no backreferences ({found[1]}); write the repeated part out, use `repetition`, or engine: python"
    if found := _BACKTRACKING.search(pattern):
        return f"RE2 has no possessive or atomic groups ({found[1]}); it never backtracks, so leave that out"
    return f"not a pattern that RE2 can read: {reason}"
