"""`kto label`: rules on files, to a table of votes."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli.file_options import ColumnsOption, data_files

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def _is_command() -> bool:
    """Whether this process is the command itself, and not somebody's who calls it."""
    return Path(sys.argv[0]).name in ("kto", "kto.exe") or Path(sys.argv[0]) == Path(__file__).with_name(
        "__main__.py"
    )


def label(
    files: Annotated[
        list[str], typer.Argument(help="Input files or globs: JSONL, JSON, CSV, Parquet; plain or gzipped.")
    ],
    rules: Annotated[
        list[str], typer.Option("--rules", help="Rule files, or packs as builtin:NAME; repeatable.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the votes go (Parquet).")],
    columns: ColumnsOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; by default one a processor.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let rules vote on files: one line a row, one column a rule (1, -1, 0; null = not applicable).

    Beside the votes, OUTPUT's folder gets labelers.json (who voted), and faults.parquet and
    quarantined.parquet where there is anything in them.
    """
    from kto_data.pipeline.label_files import label_files

    data = data_files(files, columns)
    outcome = label_files(data, rules, output, workers=workers, alone=_is_command())
    if as_json:
        print(json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False))
        return
    print(
        f"{outcome.n_rows:,} rows labelled by {len(outcome.rules)} rules; {outcome.n_quarantined:,} records quarantined"
    )
    print(f"{'rule':<32}{'desirable':>10}{'undesirable':>12}{'abstain':>10}{'n/a':>9}{'faults':>8}")
    for rule in outcome.rules:
        print(
            f"{rule.labeler[:31]:<32}{rule.n_desirable:>10,}{rule.n_undesirable:>12,}{rule.n_abstain:>10,}"
            f"{rule.n_not_applicable:>9,}{rule.n_faults:>8,}"
        )
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr)
    for path in outcome.files:
        print(f"wrote {path}")
