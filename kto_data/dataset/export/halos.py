"""HALOs (the KTO authors' code): one JSON list of binary feedback for both splits."""

from collections.abc import Mapping
from typing import Any

from kto_data.dataset.export.target import TARGETS, Settings, Target


@TARGETS.register("halos")
class Halos(Target):
    """`prompt`, `output`, `label` (0, 1), `reward`, `type: binary_feedback`, `split` (its train/dataloader.py, get_feedback)."""

    container = "json"
    command = "sh kto.sh"

    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return a record; `reward` is p_desirable, by which HALOs picks what it would imitate."""
        p = row["p_desirable"]
        return {
            "prompt": [_message(message) for message in row["prompt"]],
            "output": [_message(message) for message in row["completion"]],
            "label": int(row["label"]),
            "reward": float(row["label"]) if p is None else p,
            "type": "binary_feedback",
            "prompt_id": row["prompt_id"],
            "split": split,
        }

    def settings(self, settings: Settings) -> dict[str, str]:
        """Return `kto.sh`, to be run in a checkout of HALOs."""
        tests = "test.json" if settings.has_test else "train.json"
        return {
            "kto.sh": f"""\
#!/bin/sh
# HALOS=path/to/HALOs sh kto.sh, in this folder. It shuffles rows itself.
here=$(pwd)
cd "${{HALOS:?set HALOS to a checkout of ContextualAI/HALOs}}" || exit 1
accelerate launch --config_file accelerate_config/fsdp_4gpu.yaml launch.py loss=kto model=llama \\
  ++model.name_or_path={_shell(settings.model)} \\
  train_datasets="[$here/train.json]" test_datasets="[$here/{tests}]" exp_name={settings.name} \\
  ++loss.desirable_weight={settings.desirable_weight:.10g} ++loss.undesirable_weight={settings.undesirable_weight:.10g} \\
  ++model.max_length={settings.max_length}
"""
        }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": message["role"], "content": message["content"]}


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(text)
