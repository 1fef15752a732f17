"""Evaluations apart from a run's own: of a run's checkpoint anew, or of any checkpoint on any dataset folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kto_trainer.options import SftOptions, TrainOptions

from kto_data.dataset.read import verify
from kto_data.errors import InputError
from kto_data.labelers.judges.load import load_judges
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.pipeline.evaluation.gate import check_gate
from kto_data.pipeline.evaluation.measure import MACHINE_OPTIONS, Subject, measure
from kto_data.pipeline.evaluation.panel import Panel
from kto_data.pipeline.finished import open_run
from kto_data.pipeline.sections.evaluate import EvaluateOptions, is_judge_file
from kto_data.pipeline.sections.gate import GateOptions
from kto_data.pipeline.spec import Pipeline, load_pipeline
from kto_data.pipeline.steps.evaluate import EVALUATION, panels
from kto_data.pipeline.steps.voters import ANSWERS
from kto_data.pipeline.trainer import call_trainer, check_installed, write_config
from kto_data.runs.files import write_json

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluation that is ready to be done.

    Attributes:
        subject: The models and the rows.
        options: How much is generated.
        training: Labelers that made the training labels.
        held_out: Labelers that had no part in them.
        gate: Limits on the figures.
        seed: Of the sampling and resampling.
    """

    subject: Subject
    options: EvaluateOptions
    training: Panel = field(default_factory=Panel)
    held_out: Panel = field(default_factory=Panel)
    gate: GateOptions | None = None
    seed: int = 0


def plan_for_run(folder: Path) -> Plan:
    """Return how a run's checkpoint is evaluated: on its held-out rows, by its labelers, as its pipeline file says now.

    Raises:
        InputError: It is no finished run, has trained nothing, or its pipeline file is gone or wrong.
    """
    run = open_run(folder)
    if run.first_training is None:
        raise InputError(f"{folder}: this run trained nothing; add `train:` to its pipeline and run it again")
    if run.pipeline_file is None or not Path(run.pipeline_file).is_file():
        raise InputError(
            f"{folder}: its pipeline file {run.pipeline_file or ''} is gone, so its labelers are not known; "
            "evaluate with --checkpoint, --data and --labelers"
        )
    pipeline = load_pipeline(Path(run.pipeline_file), seed=run.seed)
    training, held_out = panels(pipeline, folder.parent / ANSWERS)
    model = run.folders["train"] / "train" / "checkpoint"
    control = run.folders["control"] / "train" / "checkpoint" if "control" in run.folders else None
    known = "truth" in run.folders and "held_out" in run.folders
    subject = Subject(
        data=run.folders["held_out"] / "dataset" if "held_out" in run.folders else folder / "dataset",
        model=model,
        reference=_reference_of_run(run.first_training / "train" / "checkpoint", pipeline),
        control=control,
        labels_from="the truth" if known else "the run's own labels",
        machine=_machine(_options_of(model)),
    )
    options = pipeline.file.evaluate or EvaluateOptions()
    return Plan(subject, options, training, held_out, pipeline.file.gate, run.seed)


def plan_for_checkpoint(checkpoint: Path, data: Path, *, reference: str | None = None) -> Plan:
    """Return how a checkpoint is evaluated on the test split of a dataset folder.

    Args:
        checkpoint: A folder that the trainer wrote, or another model.
        data: The dataset folder.
        reference: What it was trained from; by default `reference/` beside it, else the model that its options name.

    Raises:
        InputError: One of them is not what it should be.
    """
    manifest = verify(data)
    if not manifest.counts["test"].rows:
        raise InputError(
            f"{data}: has no test split to evaluate on; set `split: {{test: 0.1}}` or so in its pipeline"
        )
    if not (checkpoint / "config.json").is_file():
        raise InputError(f"{checkpoint}: no model folder there (config.json is missing); check the path")
    options = _options_of(checkpoint)
    subject = Subject(data, checkpoint, reference or reference_of(checkpoint), machine=_machine(options))
    return Plan(subject, EvaluateOptions())


def with_labelers(plan: Plan, names: list[str], answers: Path, *, held_out: bool) -> Plan:
    """Return the plan with further labelers, named as files are on a command line.

    Raises:
        ConfigError: With every mistake in them.
    """
    judging = [is_judge_file(name, Path()) for name in names]
    rules = load_rules([name for name, judges in zip(names, judging, strict=True) if not judges], base=Path())
    judges = load_judges([name for name, judges in zip(names, judging, strict=True) if judges], base=Path())
    panel = plan.held_out if held_out else plan.training
    more = Panel(
        RuleSet((*panel.rules.rules, *rules.rules), (*panel.rules.files, *rules.files)),
        (*panel.judges, *judges),
        panel.answers or answers,
    )
    changed = replace(plan, held_out=more) if held_out else replace(plan, training=more)
    both = set(_names(changed.training)) & set(_names(changed.held_out))
    if both:
        raise InputError(f"{', '.join(sorted(both))}: made the training labels, so cannot be held out")
    return changed


def evaluate_models(plan: Plan, output: Path, *, control: bool = False, say: Say) -> dict[str, Any]:
    """Write `evaluation.json`, scores and generated outputs into a folder, and return the evaluation.

    Args:
        plan: What is done.
        output: The folder; an evaluation that is there is replaced.
        control: Train a control on shuffled labels first, where there is none.
        say: Told of the progress.

    Raises:
        InputError: The input is wrong.
        UnavailableError: The trainer or a judge's server failed.
    """
    check_installed()
    output.mkdir(parents=True, exist_ok=True)
    (output / EVALUATION).unlink(missing_ok=True)
    subject = plan.subject
    if control and subject.control is None:
        subject = replace(subject, control=_train_control(subject, output, say))
    evaluation = measure(
        subject,
        plan.options,
        output,
        training=plan.training,
        held_out=plan.held_out,
        seed=plan.seed,
        say=say,
    )
    if plan.gate is not None:
        evaluation["gate"] = check_gate(plan.gate, evaluation)
    write_json(output / EVALUATION, evaluation)
    return evaluation


def reference_of(checkpoint: Path) -> str:
    """Return the model that a checkpoint was trained from.

    Raises:
        InputError: It is not known.
    """
    beside = checkpoint.resolve().parent / "reference"
    if (beside / "config.json").is_file():
        return str(beside)
    options = _options_of(checkpoint)
    if options is None or options.model == "tiny":
        raise InputError(f"{checkpoint}: what it was trained from is not known; name it with --reference")
    return options.model


def _reference_of_run(checkpoint: Path, pipeline: Pipeline) -> str:
    """Return what the first round's model was trained from.

    A folder's path in its options held where `kto run` was called; the pipeline file tells where it is from here.
    """
    reference = reference_of(checkpoint)
    named = pipeline.train.model if pipeline.train is not None else reference
    same = Path(named).name == Path(reference).name
    return named if same and not Path(reference).is_dir() else reference


def _options_of(checkpoint: Path) -> TrainOptions | None:
    """Return what a checkpoint was trained with; None for a model that our trainer did not make."""
    try:
        text = (checkpoint / "kto_options.json").read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        return TrainOptions.model_validate(json.loads(text))
    except ValueError as error:
        raise InputError(f"{checkpoint / 'kto_options.json'}: {str(error).splitlines()[0]}") from None


def _machine(options: TrainOptions | None) -> Mapping[str, Any]:
    return {} if options is None else options.model_dump(mode="json", include=set(MACHINE_OPTIONS))


def _train_control(subject: Subject, output: Path, say: Say) -> Path:
    """Train on the dataset's train split with its labels shuffled, with the checkpoint's options, and return the model."""
    options = _options_of(Path(subject.model))
    if options is None:
        raise InputError(f"{subject.model}: our trainer did not make it, so no control can be trained alike")
    control = options.model_copy(
        update={"model": str(subject.reference), "sft": SftOptions(epochs=0), "shuffle_labels": True}
    )
    config = write_config(output / "control.json", control.model_dump(mode="json"))
    folder = output / "control"
    call_trainer(
        "train", ["--data", subject.data, "--output", folder, "--config", config, "--overwrite"], say
    )
    return folder / "checkpoint"


def _names(panel: Panel) -> list[str]:
    return [*panel.rules.ids, *(judge.name for judge in panel.judges)]
