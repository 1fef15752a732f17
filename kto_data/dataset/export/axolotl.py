"""Axolotl: ChatML prompts with `rl: kto`."""

from collections.abc import Mapping
from typing import Any

from kto_data.dataset.export.target import TARGETS, Settings, Target


@TARGETS.register("axolotl")
class Axolotl(Target):
    """`system`, `prompt`, `completion`, `label` for the prompt strategy `chatml.ultra`.

    Axolotl's KTO strategies know one user message and one answer, around which they write ChatML. A longer
    conversation stands in `prompt` with the markers between its turns, so that the whole is ChatML again.
    """

    container = "jsonl"
    command = "axolotl train kto.yaml"

    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return a record; a model of another template than ChatML cannot be trained from it."""
        prompt = list(row["prompt"])
        system = prompt.pop(0)["content"] if prompt and prompt[0]["role"] in ("system", "developer") else ""
        if not prompt or prompt[0]["role"] != "user" or prompt[-1]["role"] != "user":
            raise ValueError("its prompt must begin and end with a user's message")
        if len(row["completion"]) != 1:
            raise ValueError("its completion must be one message")
        return {
            "system": system,
            "prompt": _chatml(prompt),
            "completion": row["completion"][0]["content"],
            "label": row["label"],
        }

    def settings(self, settings: Settings) -> dict[str, str]:
        """Return `kto.yaml`."""
        return {
            "kto.yaml": f"""\
# axolotl train kto.yaml, in this folder. The rows are for ChatML models.
base_model: {_quoted(settings.model)}
rl: kto
rl_beta: 0.1
kto_desirable_weight: {settings.desirable_weight:.10g}
kto_undesirable_weight: {settings.undesirable_weight:.10g}
chat_template: chatml
datasets:
  - path: train.jsonl
    ds_type: json
    split: train
    type: chatml.ultra
remove_unused_columns: false
sample_packing: false
sequence_len: {settings.max_length}
micro_batch_size: {settings.batch_rows}
gradient_accumulation_steps: 1
num_epochs: 1
learning_rate: 0.000005
optimizer: adamw_torch
lr_scheduler: cosine
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
output_dir: checkpoint
"""
        }


def _chatml(turns: list[Mapping[str, Any]]) -> str:
    """Join turns such that ChatML around the whole is ChatML of each.

    >>> _chatml([{"role": "user", "content": "a"}])
    'a'
    """
    text = str(turns[0]["content"])
    for turn in turns[1:]:
        text += f"<|im_end|>\n<|im_start|>{turn['role']}\n{turn['content']}"
    return text


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)
