"""Something that is probably wrong with a rule."""

from dataclasses import dataclass
from typing import Literal

from kto_data.labelers.rules.rule import Rule

Kind = Literal[
    "no-tests",
    "no-fire-test",
    "no-ok-test",
    "fires-in-no-test",
    "never-fires",
    "duplicate",
    "subsumed",
    "contradicting-vetoes",
    "slow-pattern",
    "catastrophic-pattern",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is probably wrong with a rule.

    Attributes:
        file: The rule file, as the user named it.
        line: The rule's line.
        rule: The rule's id.
        kind: What it is, in a word.
        message: What it is, and what to do.
    """

    file: str
    line: int
    rule: str
    kind: Kind
    message: str

    @classmethod
    def of(cls, rule: Rule, kind: Kind, message: str) -> "Finding":
        """Return a finding about a rule."""
        return cls(rule.file, rule.line, rule.id, kind, message)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.kind}: {self.message}"
