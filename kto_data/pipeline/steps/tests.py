"""tests: what must hold of the rows before they are written."""

from pathlib import Path

from kto_data.dataset.check.audit import checked_tables
from kto_data.dataset.data_tests.data_test import Given
from kto_data.errors import FindingsError
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.tables import database
from kto_data.votes.labelers import from_files


def check_data(context: Context) -> StepResult | None:
    """Run the pipeline's data tests; nothing where there is none.

    Raises:
        FindingsError: A test of severity `error` failed, with all that failed.
    """
    tests = context.pipeline.tests
    if not tests:
        return None

    def work(folder: Path) -> Outcome:
        files = {
            "rows": context.rows,
            "selection": context.path("balance", "selection.parquet"),
            "profile": context.path("balance", "profile.parquet"),
        }
        with database(folder) as con:
            checked_tables(con, files)
            given = Given(
                con,
                context.done["balance"].facts,
                from_files(context.blocks("labelers")),
                context.blocks("rules"),
                context.blocks("votes"),
            )
            results = [
                {
                    "test": planned.name,
                    "severity": planned.test.severity,
                    "failures": planned.test.failures(given),
                }
                for planned in tests
            ]
        return Outcome(
            {"n_tests": len(results), "n_failed": sum(bool(one["failures"]) for one in results)},
            {"tests": results},
        )

    options = [{planned.name: planned.test.model_dump(mode="json")} for planned in tests]
    result = context.do("tests", work, options=options, after=["read", "prepare", "aggregate", "balance"])
    failed = [one for one in result.facts["tests"] if one["failures"]]
    for one in failed:
        if one["severity"] == "warn":
            context.run.progress.said(f"{one['test']}: {'; '.join(one['failures'])}")
    lines = [
        f"tests: {one['test']}: {failure}"
        for one in failed
        if one["severity"] == "error"
        for failure in one["failures"]
    ]
    if lines:
        raise FindingsError(
            "\n".join([*lines, "nothing was written; the rows are those of the step `balance`"])
        )
    return result
