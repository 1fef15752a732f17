"""TRL: unpaired preference rows, and a settings file for `trl kto --config`."""

from collections.abc import Mapping
from typing import Any

from kto_data.dataset.export.target import TARGETS, Settings, Target, yaml_lines


@TARGETS.register("trl")
class Trl(Target):
    """`prompt`, `completion`, `label` (https://huggingface.co/docs/trl/dataset_formats); rows are read in file order."""

    container = "parquet"
    rows_in = "data"  # a folder of their own, because `datasets` finds no name for "."
    command = "trl kto --config kto.yaml"

    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return the three columns that TRL knows."""
        return {"prompt": row["prompt"], "completion": row["completion"], "label": row["label"]}

    def settings(self, settings: Settings) -> dict[str, str]:
        """Return `kto.yaml`."""
        return {
            "kto.yaml": yaml_lines(
                "trl kto --config kto.yaml, in this folder. Rows are read in their order: keep per_device_train_batch_size.",
                {
                    "model_name_or_path": settings.model,
                    "dataset_name": "data",
                    "output_dir": "checkpoint",
                    "beta": 0.1,
                    "desirable_weight": settings.desirable_weight,
                    "undesirable_weight": settings.undesirable_weight,
                    "per_device_train_batch_size": settings.batch_rows,
                    "learning_rate": 1e-6,
                    "num_train_epochs": 1,
                    "max_length": settings.max_length,
                },
            )
        }
