"""What every step of a pipeline is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.pipeline.spec import Pipeline
from kto_data.runs.folder import Outcome, RunFolder, Step
from kto_data.runs.progress import StepResult
from kto_data.votes.log import VoteLog


@dataclass(slots=True)
class Context:
    """A run in the middle of its work.

    Attributes:
        pipeline: The checked pipeline file.
        run: Its run folder.
        log: Its vote log.
        done: The steps that are done, by name.
        wait: Wait for annotators, instead of ending while too little is answered.
        round: Which round of training it is, from 1.
        reference: What every round's model is compared with; None in the first, whose training makes or names it.
    """

    pipeline: Pipeline
    run: RunFolder
    log: VoteLog
    done: dict[str, StepResult] = field(default_factory=dict)
    wait: bool = False
    round: int = 1
    reference: Path | str | None = None

    def do(
        self,
        name: str,
        work: Callable[[Path], Outcome],
        *,
        options: Any = None,
        files: Sequence[Path] = (),
        after: Sequence[str] = (),
        packages: Sequence[str] = ("kto_data",),
        resumes: bool = False,
    ) -> StepResult:
        """Do a step, or reuse it.

        Args:
            name: Unique in the round.
            work: See `Step`, as for the rest.
            options: JSON values.
            files: Input files.
            after: The names of the steps that it reads; those that this run does not have are passed over.
            packages: Whose code does the work.
            resumes: Whether it goes on with what a killed attempt left.
        """
        needed = [self.done[step] for step in after if step in self.done]
        step = Step(step_name(name, self.round), work, options, files, needed, packages, resumes)
        result = self.run.run(step)
        self.done[name] = result
        return result

    def path(self, step: str, name: str) -> Path:
        """Return a file of a finished step."""
        return self.done[step].folder / name

    @property
    def rows(self) -> Path:
        """The rows as they go on: those that `prepare` has rewritten, where it has, else those that were read.

        What comes after `prepare` reads these alone, so that nothing that was masked comes back.
        """
        rewritten = self.path("prepare", "rows.parquet")
        return rewritten if rewritten.is_file() else self.path("read", "rows.parquet")

    def blocks(self, kind: str) -> list[Path]:
        """Return the blocks of the vote log that this run's steps wrote, of one kind."""
        names = (
            name for result in self.done.values() for name in result.facts.get("blocks", {}).get(kind, [])
        )
        return [self.log.folder / name for name in names]


def step_name(name: str, number: int) -> str:
    """Return the name that a step of a round has in the run.

    >>> step_name("train", 1), step_name("train", 2)
    ('train', 'r2_train')
    """
    return name if number == 1 else f"r{number}_{name}"
