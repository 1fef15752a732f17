"""ms-swift: messages with a label, and the command's arguments."""

import json
from collections.abc import Mapping
from typing import Any

from kto_data.dataset.export.target import TARGETS, Settings, Target


@TARGETS.register("ms-swift")
class MsSwift(Target):
    """`messages` and `label` (ms-swift's Custom-dataset.md, section RLHF), for `swift rlhf --rlhf_type kto`."""

    container = "jsonl"
    command = "swift rlhf kto.json"

    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return `messages`, of which the last is judged, and `label`."""
        messages = [
            {"role": message["role"], "content": message["content"]}
            for message in (*row["prompt"], *row["completion"])
        ]
        return {"messages": messages, "label": row["label"]}

    def settings(self, settings: Settings) -> dict[str, str]:
        """Return `kto.json`, which `swift rlhf` takes in place of arguments."""
        values: dict[str, Any] = {
            "rlhf_type": "kto",
            "model": settings.model,
            "dataset": ["train.jsonl"],
            "beta": 0.1,
            "desirable_weight": settings.desirable_weight,
            "undesirable_weight": settings.undesirable_weight,
            "max_length": settings.max_length,
            "per_device_train_batch_size": settings.batch_rows,
            "num_train_epochs": 1,
            "output_dir": "checkpoint",
        }
        if settings.has_test:
            values["val_dataset"] = ["test.jsonl"]
        return {"kto.json": json.dumps(values, indent=2) + "\n"}
