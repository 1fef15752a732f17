"""What a run tells while it works; the command line decides how to show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class StepResult:
    """A finished step.

    Attributes:
        name: The step's name, such as `read`.
        folder: Its folder, which holds its outputs and manifest.
        hash: 32 hex digits over everything that its outputs follow from.
        outputs_hash: 32 hex digits over its output files; what later steps depend on.
        counts: Its accounting: `n_rows` handed on, and whatever else it counts.
        facts: What else it has to tell, JSON values.
        seconds: Wall time of the work; that of the first time when reused.
        reused: It was finished before and nothing that it depends on has changed.
    """

    name: str
    folder: Path
    hash: str
    outputs_hash: str
    counts: dict[str, int]
    facts: dict[str, Any]
    seconds: float
    reused: bool


class Progress(Protocol):
    """Listens to a run."""

    def started(self, step: str) -> None:
        """A step begins its work (not called for a reused one)."""

    def advanced(self, n_rows: int) -> None:
        """The step has worked on this many further rows."""

    def said(self, text: str) -> None:
        """The step has something to tell people."""

    def finished(self, result: StepResult) -> None:
        """A step is done, or was reused."""


class Silent:
    """Listens and tells nobody; for tests and for use as a library."""

    def started(self, step: str) -> None:
        """Do nothing."""

    def advanced(self, n_rows: int) -> None:
        """Do nothing."""

    def said(self, text: str) -> None:
        """Do nothing."""

    def finished(self, result: StepResult) -> None:
        """Do nothing."""
