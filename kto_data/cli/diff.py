"""`kto diff`: what changed between two runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def diff(
    before: Annotated[Path, typer.Argument(help="A run folder.")],
    after: Annotated[Path, typer.Argument(help="The run folder that is compared with it.")],
    limit: Annotated[int, typer.Option(min=0, help="Rows listed of each kind; all are counted.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Tell which rows were added, removed and relabelled, why, and what that does to balance and weights."""
    from kto_data.pipeline.diff import diff as diff_runs
    from kto_data.pipeline.finished import open_run

    found = diff_runs(open_run(before), open_run(after), limit=limit)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = found["rows"]
    print(
        f"rows: {rows['n_added']:,} added, {rows['n_removed']:,} removed, {rows['n_relabelled']:,} relabelled, "
        f"{rows['n_dropped_otherwise']:,} dropped or kept otherwise"
    )
    for cause, count in found["by_cause"].items():
        print(f"  {count:>8,}  {cause}")
    for flip in found["relabelled"][: min(limit, 20)]:
        who = f" ({', '.join(flip['labelers'])})" if flip["labelers"] else ""
        print(f"{flip['row_id']}: {flip['before']} -> {flip['after']}: {flip['cause']}{who}")
    for name, balance in found["balance"].items():
        print(f"{name:<7}{_balance(balance)}")


def _balance(balance: Mapping[str, Any]) -> str:
    return (
        f"{balance['n_desirable']:,} desirable, {balance['n_undesirable']:,} undesirable rows to train on; "
        f"desirable_weight {balance['desirable_weight']:g}, undesirable_weight {balance['undesirable_weight']:g}"
    )
