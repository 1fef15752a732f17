"""`kto check`: what is wrong with a KTO dataset, whoever made it."""

import json
import sys
import tempfile
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kto_data.balance.statistics import BalanceStatistics
    from kto_data.dataset.check.finding import Finding

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def check(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A file (JSON, JSONL, CSV, Parquet), a folder, a run, or an id of the Hugging Face hub.",
            metavar="DATASET",
        ),
    ],
    batch_rows: Annotated[
        int, typer.Option("--batch", min=2, help="Rows of a batch, per device, in file order.")
    ] = 8,
    desirable_weight: Annotated[
        float | None,
        typer.Option(min=0, help="The weight that will be trained with; else the manifest's, or 1."),
    ] = None,
    undesirable_weight: Annotated[float | None, typer.Option(min=0, help="Likewise.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="A local folder with a tokenizer: also check truncation and chat template."),
    ] = None,
    max_length: Annotated[int, typer.Option(min=1, help="Tokens of prompt and completion together.")] = 1024,
    shortcuts: Annotated[bool, typer.Option(help="Also look for shortcuts.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Audit a KTO dataset: labels, order, balance, weights, duplicates, contradictions, leaks, tokens.

    Reads what TRL, LLaMA-Factory, ms-swift, HALOs and axolotl read, and our own. Exit code 1 if there are errors.
    """
    from kto_data.dataset.check.audit import CheckOptions, check_dataset
    from kto_data.dataset.foreign.opened import open_dataset

    options = CheckOptions(batch_rows, desirable_weight, undesirable_weight, tokenizer, max_length, shortcuts)
    with tempfile.TemporaryDirectory(prefix="kto-check-") as scratch:
        opened = open_dataset(dataset, Path(scratch))
        statistics, findings = check_dataset(opened, options)
    n_errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        document = {
            "dataset": dataset,
            "layouts": dict(opened.layouts),
            "n_records": opened.n_records,
            "n_rows": dict(opened.n_rows),
            "findings": [asdict(finding) for finding in findings],
            "train": asdict(statistics),
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print(dataset, ", ".join(opened.layouts), statistics, findings)
    if n_errors:
        sys.exit(1)


def _print(dataset: str, layouts: str, statistics: "BalanceStatistics", findings: "list[Finding]") -> None:
    print(
        f"{dataset} ({layouts}): {statistics.n_rows:,} train rows, {statistics.n_desirable:,} desirable, "
        f"{statistics.n_undesirable:,} undesirable"
    )
    for finding in findings:
        print(f"\n{finding.severity}: {finding.name}")
        for text, start in ((finding.reason, ""), (finding.fix, "fix: ")):
            if text:
                print(textwrap.fill(start + text, 110, initial_indent="  ", subsequent_indent="  "))
        if finding.examples:
            print(f"  rows: {', '.join(finding.examples)}")
    counts = {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in ("error", "warning", "note")
    }
    print(
        "\n"
        + (
            ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n)
            or "nothing found"
        )
    )
