"""train and control: the trainer as a subprocess, on the dataset folder."""

from pathlib import Path

from kto_trainer.options import SftOptions, TrainOptions

from kto_data.pipeline.context import Context
from kto_data.pipeline.trainer import call_trainer, write_config
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def train(context: Context) -> StepResult:
    """Train on the dataset: `checkpoint/`, `reference/` where the trainer made one, `log.jsonl`, `training.json`."""
    options = context.pipeline.train
    assert options is not None
    return _train(context, "train", options)


def train_control(context: Context) -> StepResult:
    """Train the control: from the same reference, on the same rows with their labels shuffled."""
    options = context.pipeline.train
    assert options is not None
    control = options.model_copy(
        update={"model": str(reference_of(context)), "sft": SftOptions(epochs=0), "shuffle_labels": True}
    )
    return _train(context, "control", control)


def reference_of(context: Context) -> Path | str:
    """Return the model that KTO started from: the one after the first stage, or the one that was named."""
    if context.reference is not None:
        return context.reference
    made = context.path("train", "train/reference")
    options = context.pipeline.train
    assert options is not None
    return made if made.is_dir() else options.model


def _train(context: Context, name: str, options: TrainOptions) -> StepResult:
    dataset = context.path("write", "dataset")

    def work(folder: Path) -> Outcome:
        config = write_config(folder / "train.json", options.model_dump(mode="json"))
        arguments: list[str | Path] = ["--data", dataset, "--output", folder / "train", "--config", config]
        if (folder / "train").is_dir():  # of an attempt that was killed
            arguments.append("--resume")
        report = call_trainer("train", arguments, context.run.progress.said)
        config.unlink()  # it may name a place on this machine; training.json has all that the outputs follow from
        return Outcome({"n_rows": report["counts"]["rows"]["train"]}, {"training": report})

    # a folder's place differs from machine to machine: its files stand for it, and for the control's `after` does
    folder = Path(options.model)
    local = name == "control" or folder.is_dir()
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if name == "train" else []
    described = options.model_dump(mode="json", exclude={"model"} if local else set())
    after = ["write"] if name == "train" else ["write", "train"]
    return context.do(
        name, work, options=described, files=files, after=after, packages=("kto_trainer",), resumes=True
    )
