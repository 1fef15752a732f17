"""evaluate and gate: did the model get better, on prompts that it was not trained on, and by enough?"""

import json
from pathlib import Path
from typing import Any

from kto_data.pipeline.context import Context
from kto_data.pipeline.evaluation.gate import check_gate
from kto_data.pipeline.evaluation.measure import MACHINE_OPTIONS, Subject, measure
from kto_data.pipeline.evaluation.panel import Panel
from kto_data.pipeline.spec import Pipeline
from kto_data.pipeline.steps.train import reference_of
from kto_data.pipeline.steps.voters import ANSWERS
from kto_data.runs.files import write_json
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult

EVALUATION = "evaluation.json"


def evaluate(context: Context) -> StepResult:
    """Write `evaluation.json`, the scores and the generated outputs."""
    pipeline = context.pipeline
    options = pipeline.file.evaluate
    assert options is not None
    training, held_out = panels(pipeline, context.run.path.parent / ANSWERS)
    assert pipeline.train is not None
    machine = pipeline.train.model_dump(mode="json", include=set(MACHINE_OPTIONS))

    def work(folder: Path) -> Outcome:
        subject = Subject(
            data=context.path("held_out", "dataset"),
            model=context.path("train", "train/checkpoint"),
            reference=reference_of(context),
            control=context.path("control", "train/checkpoint") if "control" in context.done else None,
            labels_from="the truth" if "truth" in context.done else "the run's own labels",
            machine=machine,
        )
        say, seed = context.run.progress.said, pipeline.file.seed
        evaluation = measure(
            subject, options, folder, training=training, held_out=held_out, seed=seed, say=say
        )
        write_json(folder / EVALUATION, evaluation)
        n_rows = evaluation["n_rows"]
        context.run.progress.advanced(n_rows)
        return Outcome({"n_rows": n_rows}, {"evaluation": evaluation})

    described = {
        "evaluate": options.model_dump(mode="json"),
        "seed": pipeline.file.seed,
        "training": _definitions(training),
        "held_out": _definitions(held_out),
    }
    after = ["held_out", "train", "control"]
    return context.do("evaluate", work, options=described, after=after, packages=("kto_data", "kto_trainer"))


def panels(pipeline: Pipeline, answers: Path) -> tuple[Panel, Panel]:
    """Return who judges generated outputs: the labelers of the training, and those held out."""
    options = pipeline.file.evaluate
    asked = options is None or options.training_labelers
    training = Panel(pipeline.rules, pipeline.judges, answers) if asked else Panel()
    return training, Panel(pipeline.held_out_rules, pipeline.held_out_judges, answers)


def check_limits(context: Context) -> StepResult | None:
    """Write `evaluation.json` with how it keeps the limits of `gate:`; None where there are none."""
    gate = context.pipeline.file.gate
    if gate is None:
        return None

    def work(folder: Path) -> Outcome:
        evaluation = json.loads(context.path("evaluate", EVALUATION).read_text(encoding="utf-8"))
        evaluation["gate"] = check_gate(gate, evaluation)
        write_json(folder / EVALUATION, evaluation)
        n_failed = len(evaluation["gate"]["failures"])
        return Outcome({"n_limits": len(evaluation["gate"]["limits"]), "n_failed": n_failed}, evaluation)

    options = gate.model_dump(mode="json", exclude_none=True)
    return context.do("gate", work, options=options, after=["evaluate"])


def evaluation_of(context: Context) -> tuple[Path, dict[str, Any]] | None:
    """Return the evaluation's file and what is in it, its gate included; None where there is none."""
    if "evaluate" not in context.done:
        return None
    if "gate" in context.done:
        return context.path("gate", EVALUATION), context.done["gate"].facts
    return context.path("evaluate", EVALUATION), context.done["evaluate"].facts["evaluation"]


def _definitions(panel: Panel) -> list[Any]:
    # a greater budget comes further
    judges = [[judge.definition, judge.options.budget.model_dump(mode="json")] for judge in panel.judges]
    return [*panel.rules.labelers().to_pylist(), *judges]
