"""What a finding is."""

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the worst: an error makes the training wrong, a warning makes it worse, a note is good to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a dataset that a user should know.

    Attributes:
        name: In snake case, the same for the same defect.
        severity: How bad it is.
        reason: What was found, with its figures, and what it does.
        fix: What to do.
        figures: The figures, as JSON values.
        examples: Rows where it is so, as `file:record`.
    """

    name: str
    severity: Severity
    reason: str
    fix: str
    figures: dict[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
