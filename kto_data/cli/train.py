"""`kto train`: the trainer on a dataset folder."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli.judge import shown_on_stderr

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Whatever else stands on the command line is the trainer's."""


def train(
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(help="A dataset folder, as `kto run` writes it.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for checkpoint/, the log and training.json.")
    ],
    config: Annotated[
        Path | None, typer.Option(help="The trainer's options in YAML or JSON; flags win over it.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Train a model on a dataset folder, with the class weights of its manifest unless others are given.

    Every option of the trainer is one here, such as --model, --epochs, --learning-rate, --beta, --lora-r, --seed,
    --overwrite or --resume; `python -m kto_trainer train --help` lists them all.
    """
    from kto_data.dataset.read import verify
    from kto_data.pipeline.trainer import call_trainer, check_installed

    check_installed()
    verify(dataset)
    arguments: list[str | Path] = ["--data", dataset, "--output", output]
    if config is not None:
        arguments += ["--config", config]
    report = call_trainer("train", [*arguments, *context.args], shown_on_stderr())
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        weights = report["weights"]
        print(
            f"trained {report['n_trained_parameters']:,} of {report['n_parameters']:,} parameters in "
            f"{report['seconds']:.1f} s, with desirable_weight {weights['desirable']:g} and undesirable_weight "
            f"{weights['undesirable']:g} (from the {weights['source']})\n{output / 'checkpoint'}"
        )
