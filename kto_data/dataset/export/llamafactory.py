"""LLaMA-Factory: messages with a label, `dataset_info.json`, and a settings file."""

import json
from collections.abc import Mapping
from typing import Any

from kto_data.dataset.export.target import TARGETS, Settings, Target, yaml_lines

_ROLES = {"developer": "system", "function": "tool"}


@TARGETS.register("llamafactory")
class LlamaFactory(Target):
    """Sharegpt in OpenAI's form, with the label as `kto_tag` (LLaMA-Factory's data/README.md, section KTO)."""

    container = "json"
    command = "llamafactory-cli train kto.yaml"

    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return `messages`, of which the last is judged, and `label`; its turns must alternate."""
        messages = [
            {"role": _ROLES.get(message["role"], message["role"]), "content": message["content"]}
            for message in (*row["prompt"], *row["completion"])
        ]
        turns = [message["role"] for message in messages if message["role"] != "system"]
        if [turn in ("user", "tool") for turn in turns] != [index % 2 == 0 for index in range(len(turns))]:
            raise ValueError(f"its turns must alternate between user and assistant, not {', '.join(turns)}")
        return {"messages": messages, "label": row["label"]}

    def settings(self, settings: Settings) -> dict[str, str]:
        """Return `dataset_info.json` and `kto.yaml`."""
        splits = ("train", "test") if settings.has_test else ("train",)
        info = {
            f"{settings.name}_{split}": {
                "file_name": f"{split}.json",
                "formatting": "sharegpt",
                "columns": {"messages": "messages", "kto_tag": "label"},
                "tags": {
                    "role_tag": "role",
                    "content_tag": "content",
                    "user_tag": "user",
                    "assistant_tag": "assistant",
                    "observation_tag": "tool",
                    "system_tag": "system",
                },
            }
            for split in splits
        }
        yaml = yaml_lines(
            "llamafactory-cli train kto.yaml, in this folder. `template` must be that of the model.",
            {
                "model_name_or_path": settings.model,
                "stage": "kto",
                "do_train": True,
                "finetuning_type": "lora",
                "lora_target": "all",
                "pref_beta": 0.1,
                "kto_chosen_weight": settings.desirable_weight,
                "kto_rejected_weight": settings.undesirable_weight,
                "dataset_dir": ".",
                "dataset": f"{settings.name}_train",
                "template": "TEMPLATE",
                "cutoff_len": settings.max_length,
                "output_dir": "checkpoint",
                "per_device_train_batch_size": settings.batch_rows,
                "learning_rate": 5e-6,
                "num_train_epochs": 1.0,
            },
        )
        return {"dataset_info.json": json.dumps(info, indent=2) + "\n", "kto.yaml": yaml}
