"""Whether a training may be continued: with the same data, model and options only. Free of torch, so it is told at once."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions
from kto_trainer.output import STATES, TRAINING_FILE
from kto_trainer.states import newest_identity

# Options that change what is kept or told, not what is learnt: a run may be continued with others.
FREE = ("save_steps", "save_total_limit", "log_every", "tensorboard")


def resumable(output: Path, options: TrainOptions, manifest_sha256: str) -> dict[str, Any] | None:
    """What a finished training told, if it is finished already; else None.

    Args:
        output: The output folder.
        options: Resolved options.
        manifest_sha256: Of the dataset.

    Raises:
        TrainerError: What is in the folder was made with other options or data.
    """
    identity = identity_of(options, manifest_sha256)
    try:
        finished: dict[str, Any] = json.loads((output / TRAINING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        earlier = newest_identity(output / STATES)
        if earlier:
            refuse_changes(output, earlier, identity)
        return None
    before = TrainOptions.model_validate(finished["options"])
    refuse_changes(output, identity_of(before, finished["dataset"]["manifest_sha256"]), identity)
    return finished


def identity_of(options: TrainOptions, manifest_sha256: str) -> dict[str, Any]:
    """What must be the same for a run to be continued, as far as it is known before any work."""
    kept = {name: value for name, value in options.model_dump(mode="json").items() if name not in FREE}
    return {"options": kept, "dataset": manifest_sha256}


def refuse_changes(output: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue a run with anything that would make it another run.

    Raises:
        TrainerError: Something that both name differs; each such thing is named with both values.
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    told = {
        "dataset": "the dataset (its manifest.json's sha256)",
        "model": "the model's files",
        "processes": "the number of processes",
    }
    lines = [
        f"{told.get(name, name.removeprefix('options.'))} was {old[name]}, is now {new[name]}"
        for name in old.keys() & new.keys()
        if old[name] != new[name]
    ]
    if lines:
        raise TrainerError(
            f"{output}: cannot resume, for it would be another training: {'; '.join(sorted(lines))}; "
            "go back to what it was, or start anew with --overwrite"
        )


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
