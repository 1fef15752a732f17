"""One evaluation: the trainer scores and answers in one process, then everything is judged and put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from kto_data.pipeline.evaluation.generated import judge_generated
from kto_data.pipeline.evaluation.panel import Panel
from kto_data.pipeline.evaluation.scores import judge_scores, over_control, read_scores
from kto_data.pipeline.sections.evaluate import EvaluateOptions
from kto_data.pipeline.trainer import as_flags, call_trainer

MACHINE_OPTIONS = frozenset({"device", "dtype", "threads", "chat_template"})
"""The options of a training that say where and how to compute."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated.

    Attributes:
        data: A dataset folder whose test split is held out.
        model: The trained model.
        reference: The model that it was trained from.
        control: One trained on shuffled labels from the same reference; None for none.
        labels_from: Who gave the held-out rows their labels, in words.
        machine: `MACHINE_OPTIONS` of the training.
    """

    data: Path
    model: Path | str
    reference: Path | str
    control: Path | str | None = None
    labels_from: str = "the dataset's own labels"
    machine: Mapping[str, Any] = field(default_factory=dict)


def measure(
    subject: Subject,
    options: EvaluateOptions,
    folder: Path,
    *,
    training: Panel,
    held_out: Panel,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write scores and generated outputs into a folder, and return what they come to.

    Args:
        subject: The models and the rows.
        options: How much is generated, and how.
        folder: It exists.
        training: Labelers that made the training labels.
        held_out: Labelers that had no part in them.
        seed: Of the sampling and the resampling.
        say: Told of the progress.

    Raises:
        InputError: A model or the dataset is wrong.
        UnavailableError: The trainer or a judge's server failed.
    """
    arguments: list[str | Path] = ["--data", subject.data, "--model", subject.model, "--reference"]
    arguments += [subject.reference, "--output", folder]
    if subject.control is not None:
        arguments += ["--control", subject.control]
    how = {
        **subject.machine,
        "limit": options.prompts,
        "max_new_tokens": options.max_new_tokens,
        "temperature": options.temperature,
        "seed": seed,
    }
    told = call_trainer("evaluate", [*arguments, *as_flags(how)], say)
    scores = read_scores(folder / "scores-trained.parquet")
    control = read_scores(folder / "scores-control.parquet") if subject.control is not None else None
    found = judge_scores(scores, control, told["scores"]["trained"], seed)
    reference, trained = (
        pq.read_table(folder / f"generations-{name}.parquet") for name in ("reference", "trained")
    )
    return {
        "n_rows": len(scores["label"]),
        "n_prompts": len(np.unique(scores["prompt"])),
        "labels_from": subject.labels_from,
        **found,
        "auc_over_control": over_control(found),
        **judge_generated(reference, trained, training=training, held_out=held_out, seed=seed, say=say),
    }
