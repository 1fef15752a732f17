"""`kto run` and `kto validate`."""

import json
from pathlib import Path
from typing import Annotated

import typer

PipelineArgument = Annotated[
    Path, typer.Argument(help="A pipeline file (YAML), or builtin:NAME for one that ships.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def run(
    pipeline: PipelineArgument = Path("pipeline.yaml"),
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Used instead of the file's seed.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for annotators; else a run that needs them ends with exit code 4."),
    ] = False,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, max=20, help="Rounds of training, instead of the file's `rounds.n`."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline, from its input to its report; what is finished is reused.

    The run is the folder RUNS/NAME: dataset/, report.html, and checkpoint/ where something was trained.
    """
    from kto_data.cli.evaluate import raise_if_closed
    from kto_data.cli.show import ShownProgress
    from kto_data.cli.summary import summarise_run
    from kto_data.pipeline.run import run_pipeline
    from kto_data.pipeline.spec import load_pipeline

    summary = run_pipeline(
        load_pipeline(find(pipeline), seed=seed, rounds=rounds),
        runs=runs,
        progress=ShownProgress(),
        wait=wait,
    )
    if as_json:
        print(json.dumps({"folder": str(summary.folder), **summary.facts}, indent=2, ensure_ascii=False))
    else:
        print()
        print(summarise_run(summary.facts, summary.folder.as_posix()))
    raise_if_closed(summary.facts.get("evaluation"))


def validate(pipeline: PipelineArgument, as_json: JsonOption = False) -> None:
    """Check a pipeline file and every file it names; do nothing else."""
    from kto_data.pipeline.spec import load_pipeline

    checked = load_pipeline(find(pipeline))
    n_rules = len(checked.rules.rules) + len(checked.held_out_rules.rules)
    if as_json:
        print(json.dumps({"pipeline": checked.file.name, "file": str(pipeline), "n_rules": n_rules}))
    else:
        print(f"{pipeline}: fine ({n_rules} rules)")


def find(pipeline: Path) -> Path:
    """Return the file that is meant: `builtin:quickstart` ships with the toolkit."""
    from kto_data.pipeline.shipped import shipped_pipeline

    name = str(pipeline)
    return shipped_pipeline(name.removeprefix("builtin:")) if name.startswith("builtin:") else pipeline
