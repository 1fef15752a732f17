"""`kto stats`: the balance of a dataset folder, and the weights to train it with."""

import json
from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def stats(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder, such as runs/quickstart/dataset.")],
    as_json: JsonOption = False,
) -> None:
    """Print the balance of a dataset and the class weights that suit it."""
    from kto_data.dataset.read import read_manifest

    manifest = read_manifest(dataset)
    if as_json:
        balance = json.loads((dataset / "balance.json").read_text(encoding="utf-8"))
        shown = manifest.model_dump(mode="json", include={"counts", "weights"})
        print(json.dumps({**shown, "balance": balance}, indent=2))
        return
    for split, counts in manifest.counts.items():
        share = counts.desirable / counts.rows if counts.rows else 0.0
        print(
            f"{split:<6} {counts.rows:>9,} rows: {counts.desirable:,} desirable ({share:.1%}), "
            f"{counts.undesirable:,} undesirable"
        )
    weights = manifest.weights
    print(f"desirable_weight {weights.desirable_weight:g}, undesirable_weight {weights.undesirable_weight:g}")
    print(weights.reason)
