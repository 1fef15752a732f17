"""split: train and test, with no group on both sides."""

from dataclasses import asdict
from pathlib import Path

from kto_data.curation.split import split_rows
from kto_data.errors import FindingsError
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def split(context: Context) -> StepResult:
    """Write `split.parquet`: the side of each row that has not been dropped, labelled or not.

    The undecided are split too, because a group's side follows from its hash alone: those whose
    right label is known are judged by, on the test side.
    """
    options = context.pipeline.file.split

    def work(folder: Path) -> Outcome:
        proof = split_rows(
            options,
            rows=context.rows,
            among=context.path("prepare", "kept.parquet"),
            out=folder / "split.parquet",
            seed=options.seed,
            advance=context.run.progress.advanced,
        )
        return Outcome({"n_rows": proof.n_train + proof.n_test}, {"proof": asdict(proof)})

    result = context.do("split", work, options=options.model_dump(mode="json"), after=["read", "prepare"])
    if result.facts["proof"]["n_train"] == 0 and not options.evaluation_only:
        raise FindingsError(f"the split leaves no row to train on; `split.test` is {options.test}")
    return result
