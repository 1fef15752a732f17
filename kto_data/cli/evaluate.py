"""`kto evaluate`: did a model get better, and did it keep the limits?"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kto_data.cli.judge import shown_on_stderr
from kto_data.cli.judge_options import DEFAULT_CACHE
from kto_data.errors import FindingsError, InputError


def evaluate(
    run: Annotated[
        Path | None, typer.Argument(help="A run folder whose checkpoint is evaluated anew.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A trained model, instead of a run.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="With --checkpoint: a dataset folder with a test split.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="What it was trained from; by default what its folder says.")
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Train a control on shuffled labels, where there is none.")
    ] = False,
    labelers: Annotated[
        list[str] | None, typer.Option(help="Rule or judge files held out from the labels; repeatable.")
    ] = None,
    training_labelers: Annotated[
        list[str] | None, typer.Option(help="Those that made the labels; repeatable.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="Limits on the figures (YAML); a broken one is exit code 1.")
    ] = None,
    prompts: Annotated[
        int | None, typer.Option(min=1, help="Prompts that both models answer, at most.")
    ] = None,
    max_new_tokens: Annotated[int | None, typer.Option(min=1, help="The longest answer.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0)] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1)] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder of the results; default: RUN/evaluation, or evaluation."),
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where judges' answers are kept.")] = DEFAULT_CACHE,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Evaluate a trained model on held-out rows: what it ranks, what it writes, what it unlearned.

    Either of a run (`kto evaluate runs/mine`), by its own labelers, or of any checkpoint on any dataset folder
    (`kto evaluate --checkpoint C --data DATASET`). Exit code 1: a limit of the gate is broken.
    """
    from kto_data.cli.summary import summarise_evaluation
    from kto_data.pipeline.evaluate_models import (
        evaluate_models,
        plan_for_checkpoint,
        plan_for_run,
        with_labelers,
    )
    from kto_data.pipeline.sections.gate import load_gate

    if (run is None) == (checkpoint is None) or (checkpoint is None) != (data is None):
        raise InputError("name either a run folder, or a model and its rows with --checkpoint and --data")
    if run is not None:
        plan = plan_for_run(run)
        if reference is not None:
            plan = replace(plan, subject=replace(plan.subject, reference=reference))
    else:
        assert checkpoint is not None
        assert data is not None
        plan = plan_for_checkpoint(checkpoint, data, reference=reference)
    for names, held_out in ((training_labelers, False), (labelers, True)):
        if names:
            plan = with_labelers(plan, names, cache, held_out=held_out)
    given: dict[str, Any] = {"prompts": prompts, "max_new_tokens": max_new_tokens, "temperature": temperature}
    changed = {name: value for name, value in given.items() if value is not None}
    plan = replace(
        plan,
        options=plan.options.model_copy(update=changed),
        gate=load_gate(gate) if gate is not None else plan.gate,
        seed=plan.seed if seed is None else seed,
    )
    folder = output or (run / "evaluation" if run is not None else Path("evaluation"))
    evaluation = evaluate_models(plan, folder, control=control, say=shown_on_stderr())
    if as_json:
        print(json.dumps({"folder": str(folder), **evaluation}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*summarise_evaluation(evaluation), "", f"written to {folder.as_posix()}"]))
    raise_if_closed(evaluation)


def raise_if_closed(evaluation: Any) -> None:
    """Stop with exit code 1 when a limit of the gate is broken.

    Raises:
        FindingsError: Naming each.
    """
    failures = ((evaluation or {}).get("gate") or {}).get("failures") or []
    if failures:
        raise FindingsError("\n".join(f"gate: {failure}" for failure in failures))
