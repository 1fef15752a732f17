"""prepare and curate: leave rows out, each with its reason."""

from pathlib import Path
from typing import Any

from kto_data.curation.run import CurationResult, run_steps
from kto_data.curation.step import PlannedStep
from kto_data.pipeline.context import Context
from kto_data.pipeline.steps.label import VOTING_STEPS
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def prepare(context: Context) -> StepResult:
    """Run the steps that come before anything is labelled."""

    def work(folder: Path) -> Outcome:
        result = run_steps(
            context.pipeline.prepare,
            rows=context.path("read", "rows.parquet"),
            rewritten=folder / "rows.parquet",
            kept=folder / "kept.parquet",
            dropped=folder / "dropped.parquet",
            seed=context.pipeline.file.seed,
            advance=context.run.progress.advanced,
        )
        return _outcome(result)

    options = {"steps": _describe(context.pipeline.prepare), "seed": context.pipeline.file.seed}
    return context.do(
        "prepare", work, options=options, files=_files(context.pipeline.prepare), after=["read"]
    )


def curate(context: Context) -> StepResult:
    """Run the steps that need labels; undecided rows are left out first and counted apart."""

    def work(folder: Path) -> Outcome:
        result = run_steps(
            context.pipeline.curate,
            rows=context.rows,
            among=context.path("aggregate", "decided.parquet"),
            labels=context.path("aggregate", "labels.parquet"),
            votes=context.blocks("votes"),
            labelers=context.blocks("labelers"),
            kept=folder / "kept.parquet",
            dropped=folder / "dropped.parquet",
            seed=context.pipeline.file.seed,
            advance=context.run.progress.advanced,
        )
        return _outcome(result)

    options = {"steps": _describe(context.pipeline.curate), "seed": context.pipeline.file.seed}
    return context.do(
        "curate",
        work,
        options=options,
        files=_files(context.pipeline.curate),
        after=["read", "prepare", *VOTING_STEPS[1:], "aggregate"],
    )


def _files(steps: tuple[PlannedStep, ...]) -> list[Path]:
    return [file for planned in steps for file in planned.step.files]


def _describe(steps: tuple[PlannedStep, ...]) -> list[dict[str, Any]]:
    return [{planned.name: planned.step.model_dump(mode="json")} for planned in steps]


def _outcome(result: CurationResult) -> Outcome:
    return Outcome(
        {"n_rows": result.n_kept, "n_dropped": result.n_dropped},
        {"dropped": result.dropped, "steps": result.facts},
    )
