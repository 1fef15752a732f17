"""read: the input's records become rows, or are quarantined."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kto_data.pipeline.context import Context
from kto_data.pipeline.forgotten import forgotten_rows, leave_out
from kto_data.readers import ReadEntry, expand, read_records
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult

FORGOTTEN = "forgotten"
"""Why a row is left out that somebody asked to forget; no limit counts it."""


def read(context: Context) -> StepResult:
    """Write `rows.parquet` and `quarantined.parquet`."""
    entries, base = _entries(context)
    files = [file.path for file in expand(entries, base)]
    forgotten = forgotten_rows(context.run.path)

    def work(folder: Path) -> Outcome:
        counts = read_records(
            entries,
            base=base,
            rows_path=folder / "rows.parquet",
            quarantined_path=folder / "quarantined.parquet",
            advance=context.run.progress.advanced,
        )
        facts = asdict(counts)
        n_forgotten = leave_out(folder / "rows.parquet", forgotten)
        reasons = {FORGOTTEN: n_forgotten} if n_forgotten else {}
        return Outcome(
            {
                "n_records": counts.n_records,
                "n_rows": counts.n_rows - n_forgotten,
                "n_quarantined": counts.n_quarantined + n_forgotten,
            },
            {
                "quarantined": dict(counts.quarantined_by_reason) | reasons,
                **{
                    name: facts[name]
                    for name in ("files", "empty_files", "meta_types", "meta_as_json", "n_repeated_ids")
                },
            },
        )

    # a variable's value may differ from machine to machine; the files' contents stand for it
    options: list[Any] = [entry.model_dump(mode="json") for entry in entries]
    if forgotten:
        options.append({"forgotten": sorted(forgotten)})
    return context.do("read", work, options=options, files=files)


def _entries(context: Context) -> tuple[list[ReadEntry], Path]:
    if context.pipeline.file.demo_log:
        return [ReadEntry(path="log.jsonl", source="demo")], context.done["demo_log"].folder
    return context.pipeline.file.read, context.pipeline.folder
