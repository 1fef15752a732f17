"""evaluate: did the model get better, on prompts that it was not trained on?

Before training the implicit reward is 0 by definition, so the reference is ranked by its mean
token log-probability; after it the trained model, and a control trained on shuffled labels, by
their implicit rewards. And both models answer held-out prompts, which rules then label.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.pipeline.context import Context
from kto_data.pipeline.sections.evaluate import EvaluateOptions
from kto_data.pipeline.steps.generated import judge_generated
from kto_data.pipeline.steps.train import reference_of
from kto_data.pipeline.trainer import as_flags, call_trainer
from kto_data.runs.files import write_json
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.statistics.auc import auc_interval, pair_accuracy_interval
from kto_data.statistics.histograms import histogram_by_class
from kto_data.statistics.intervals import Interval

Arrays = dict[str, npt.NDArray[np.generic]]


def evaluate(context: Context) -> StepResult:
    """Write `evaluation.json`, the scores and the generated outputs."""
    options = context.pipeline.file.evaluate
    assert options is not None

    def work(folder: Path) -> Outcome:
        held_out = context.path("held_out", "dataset")
        n_rows = context.done["held_out"].counts["n_rows"]
        scores = _score(context, folder, held_out, "train")
        control = _score(context, folder, held_out, "control") if options.control else None
        generated = _generate(context, folder, held_out, options)
        evaluation = {
            "n_rows": n_rows,
            "n_prompts": len(np.unique(scores["prompt_id"])),
            "labels_from": "the truth" if "truth" in context.done else "the run's own labels",
            **_rankings(scores, control, context.pipeline.file.seed),
            **judge_generated(
                generated["reference"],
                generated["trained"],
                rules=context.pipeline.rules,
                held_out_rules=context.pipeline.held_out_rules,
            ),
        }
        write_json(folder / "evaluation.json", evaluation)
        return Outcome({"n_rows": n_rows}, {"evaluation": evaluation})

    described = {
        "evaluate": options.model_dump(mode="json"),
        "seed": context.pipeline.file.seed,
        "rules": context.pipeline.rules.labelers().to_pylist(),
        "held_out_rules": context.pipeline.held_out_rules.labelers().to_pylist(),
    }
    after = ["held_out", "train", "control"]
    return context.do("evaluate", work, options=described, after=after, packages=("kto_data", "kto_trainer"))


def _score(context: Context, folder: Path, held_out: Path, step: str) -> Arrays:
    output = folder / f"scores-{step}.parquet"
    checkpoint = context.path(step, "train/checkpoint")
    arguments: list[str | Path] = [
        "--data",
        held_out,
        "--model",
        checkpoint,
        "--reference",
        reference_of(context),
        "--output",
        output,
    ]
    call_trainer("score", [*arguments, *as_flags(_machine(context))], context.run.progress.said)
    scores = pq.read_table(output)
    context.run.progress.advanced(scores.num_rows)
    return {name: scores[name].to_numpy(zero_copy_only=False) for name in scores.schema.names}


def _generate(
    context: Context, folder: Path, held_out: Path, options: EvaluateOptions
) -> dict[str, pa.Table]:
    config = {
        "limit": options.prompts,
        "max_new_tokens": options.max_new_tokens,
        "temperature": options.temperature,
        "seed": context.pipeline.file.seed,
    }
    models = {"reference": reference_of(context), "trained": context.path("train", "train/checkpoint")}
    generated = {}
    for name, model in models.items():
        output = folder / f"generations-{name}.parquet"
        arguments: list[str | Path] = ["--data", held_out, "--model", model, "--output", output]
        flags = as_flags({**_machine(context), **config})
        call_trainer("generate", [*arguments, *flags], context.run.progress.said)
        generated[name] = pq.read_table(output)
        context.run.progress.advanced(generated[name].num_rows)
    return generated


def _machine(context: Context) -> dict[str, Any]:
    """Return the options that say where and how to compute, the same for training and evaluation."""
    assert context.pipeline.train is not None
    return context.pipeline.train.model_dump(
        mode="json", include={"device", "dtype", "threads", "chat_template"}
    )


def _rankings(scores: Arrays, control: Arrays | None, seed: int) -> dict[str, Any]:
    mean_logp = scores["ref_logp"].astype(float) / np.maximum(scores["n_tokens"].astype(float), 1.0)
    rewards = scores["reward"].astype(float)
    ranked = {"reference": (mean_logp, scores), "trained": (rewards, scores)}
    if control is not None:
        ranked["control"] = (control["reward"].astype(float), control)
    found: dict[str, Any] = {
        name: _ranking(values, arrays, seed) for name, (values, arrays) in ranked.items()
    }
    histogram = histogram_by_class(rewards, scores["label"].astype(bool))
    found["rewards"] = asdict(histogram) if histogram else None
    return found


def _ranking(values: npt.NDArray[np.float64], arrays: Arrays, seed: int) -> dict[str, Any]:
    """Return AUC and within-prompt pair accuracy; intervals resample prompts, whose rows hang together."""
    labels = arrays["label"].astype(bool)
    # ids as numbers: comparing texts in every resample would take most of the time
    _, prompts = np.unique(arrays["prompt_id"].astype(str), return_inverse=True)
    figures = {
        "auc": auc_interval(values, labels, prompts, np.random.default_rng(seed)),
        "pair_accuracy": pair_accuracy_interval(values, labels, prompts, np.random.default_rng(seed)),
    }
    return {name: as_figure(interval) for name, interval in figures.items()}


def as_figure(interval: Interval | None) -> dict[str, float] | None:
    """Return an interval as the report's facts have it."""
    return asdict(interval) if interval else None
