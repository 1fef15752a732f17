"""`train:`: the trainer's options, checked before any work."""

from typing import Any

from kto_trainer.options import TrainOptions

from kto_data.config.validate import validate
from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError


def read_train(data: Any, file: YamlFile) -> TrainOptions | None:
    """Return the options with the defaults that depend on the model; None where nothing is trained."""
    if not isinstance(data, dict):
        return None  # left out, or a mistake that the file's own check reports
    for key, why in (
        ("seed", "the pipeline's own `seed` is used"),
        ("shuffle_labels", "`evaluate: {control: true}` does it"),
    ):
        if key in data:
            raise ConfigError([file.mistake(("train", key), f"not allowed here: {why}")])
    return validate(TrainOptions, data, file, ("train",)).resolved()
