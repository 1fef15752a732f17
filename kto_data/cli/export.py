"""`kto export`: a dataset for other trainers, or for the Hugging Face hub."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kto_data.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from kto_data.dataset.foreign.opened import Opened

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def export(
    dataset: Annotated[
        str, typer.Argument(help="A dataset folder, a run, or any KTO file or folder.", metavar="DATASET")
    ],
    to: Annotated[str | None, typer.Option(help="trl, llamafactory, axolotl, ms-swift or halos.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A new folder; by default DATASET-TO beside the dataset."),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(help="Push the dataset folder to this id of the Hugging Face hub, OWNER/NAME."),
    ] = None,
    public: Annotated[bool, typer.Option(help="... where everybody sees it.")] = False,
    model: Annotated[
        str, typer.Option(help="What the settings file trains: a hub id or a folder.")
    ] = "MODEL",
    max_length: Annotated[int, typer.Option(min=1, help="Tokens of prompt and completion.")] = 1024,
    batch_rows: Annotated[int, typer.Option("--batch", min=2, help="Rows of a batch, per device.")] = 8,
    order: Annotated[str, typer.Option(help="`kept`, or `mixed` for a new order that KTO can use.")] = "kept",
    resample: Annotated[
        bool, typer.Option(help="Repeat and leave out rows by their weights, for trainers that know none.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of order and resampling.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a dataset as another trainer reads it, with the settings file it needs, class weights included."""
    from kto_data.dataset.export.target import TARGETS
    from kto_data.dataset.foreign.opened import open_dataset

    if order not in ("kept", "mixed"):
        raise InputError(f"--order {order}: must be kept or mixed")
    if push_to_hub is not None:
        _push(Path(dataset), push_to_hub, public=public, as_json=as_json)
        return
    if to is None or to not in TARGETS:
        known = did_you_mean(to, TARGETS) if to else f": {', '.join(TARGETS)}"
        raise InputError(f"--to {to or ''}: name a trainer{known}")
    from kto_data.dataset.export.export import ExportOptions, export_dataset

    options = ExportOptions(to, model, max_length, batch_rows, order, resample, seed)
    with tempfile.TemporaryDirectory(prefix="kto-export-") as scratch:
        opened = open_dataset(dataset, Path(scratch))
        folder = out or _beside(dataset, to)
        if "pairs" in opened.layouts and order == "kept":
            options = replace(options, order="mixed")  # the order that pairs come in is the worst there is
        stated = opened.manifest.weights if opened.manifest else None
        done = export_dataset(
            rows=opened.rows,
            selection=opened.selection,
            out=folder,
            name=_name(opened),
            stated=(stated.desirable_weight, stated.undesirable_weight) if stated else None,
            options=options,
        )
    document: dict[str, Any] = {
        "folder": str(folder),
        "files": done.files,
        "rows": dict(done.n_rows),
        "desirable_weight": done.desirable_weight,
        "undesirable_weight": done.undesirable_weight,
        "left_out": dict(done.left_out),
        "command": done.command,
    }
    if done.plan is not None:
        plan = done.plan
        document["resampling"] = {
            "n_rows": plan.n_rows,
            "n_distinct": plan.n_distinct,
            "effective_rows": plan.effective_rows,
            "effective_rows_weighted": plan.effective_rows_weighted,
        }
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    counts = ", ".join(f"{n:,} {split}" for split, n in done.n_rows.items())
    print(f"{folder}: {counts} rows in {', '.join(done.files)}")
    if options.order == "mixed":
        print(f"rows are mixed for batches of {batch_rows}")
    print(f"desirable_weight {done.desirable_weight:g}, undesirable_weight {done.undesirable_weight:g}")
    for reason, n in done.left_out.items():
        print(f"left out {n:,} rows that {to} cannot express: {reason} (such as {', '.join(done.examples)})")
    if done.plan is not None:
        print(
            f"resampled by row weights: {done.plan.n_distinct:,} of {done.plan.n_rows:,} rows come at all; worth "
            f"{done.plan.effective_rows:,.0f} equal rows, where weights would keep {done.plan.effective_rows_weighted:,.0f}"
        )
    if done.weights_lost:
        print(f"the rows' own weights are lost: {to} knows none; --resample repeats rows by weight instead")
    print(f"train: cd {folder} && {done.command}")


def _beside(dataset: str, to: str) -> Path:
    """Return DATASET-TO beside a file or folder, and here for an id of the hub."""
    path = Path(dataset)
    return (
        path.with_name(f"{path.stem if path.is_file() else path.name}-{to}")
        if path.exists()
        else Path(f"{path.name}-{to}")
    )


def _name(opened: "Opened") -> str:
    return opened.manifest.name if opened.manifest else Path(opened.name).stem


def _push(folder: Path, repo_id: str, *, public: bool, as_json: bool) -> None:
    from kto_data.dataset.hub import push_to_hub

    if (folder / "dataset" / "manifest.json").is_file():
        folder = folder / "dataset"
    url = push_to_hub(folder, repo_id, private=not public)
    print(json.dumps({"url": url}) if as_json else url)
