"""demo_log: make the log that is read, and its truth apart from it."""

from pathlib import Path

from kto_data.demo.log import write_demo_log
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def make_demo_log(context: Context) -> StepResult:
    """Write `log.jsonl` and `truth.jsonl`."""
    options = context.pipeline.file.demo_log
    assert options is not None
    seed = context.pipeline.file.seed

    def work(folder: Path) -> Outcome:
        log = write_demo_log(folder, rows=options.rows, seed=seed)
        return Outcome({"n_rows": log.n_rows, "n_unreadable": log.n_unreadable, "n_prompts": log.n_prompts})

    return context.do("demo_log", work, options={"rows": options.rows, "seed": seed})
