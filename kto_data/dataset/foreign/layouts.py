"""How KTO trainers lay out a record: TRL, LLaMA-Factory, ms-swift, HALOs, axolotl, and pairs of chosen and rejected.

A layout is a function from a record to one or two labelled outputs, tried in the order of `LAYOUTS`. To add one: a
function, a line there, and a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kto_data.readers.messages import Message, parse_messages
from kto_data.readers.record import Defect


@dataclass(frozen=True, slots=True)
class Output:
    """One output with its label, as the record has it.

    Attributes:
        prompt: What was asked; empty where the record has none.
        completion: What was answered.
        label: As it stands there: whether it is a bool is for the audit to say.
        plain: Both were texts, to which no trainer applies a chat template.
        side: `chosen` or `rejected` for a half of a pair.
    """

    prompt: list[Message]
    completion: list[Message]
    label: Any
    plain: bool
    side: str = ""


Layout = Callable[[Mapping[str, Any]], list[Output] | None]
"""Returns None for a record of another layout."""


def parse(record: Mapping[str, Any]) -> tuple[str, list[Output]]:
    """Return the name of a record's layout and its outputs.

    Raises:
        Defect: It has none that is known, or its conversation cannot be read.
    """
    for name, layout in LAYOUTS.items():
        outputs = layout(record)
        if outputs is not None:
            return name, outputs
    keys = ", ".join(map(repr, list(record)[:12])) or "none"
    raise Defect("unknown_format", f"no KTO trainer reads a record with the keys {keys}")


def _pairs(record: Mapping[str, Any]) -> list[Output] | None:
    if not {"chosen", "rejected"} <= record.keys():
        return None
    outputs = []
    for side, label in (("chosen", True), ("rejected", False)):
        output = _prompt_and_answer(record.get("prompt"), record[side], label, side)
        outputs.append(Output(output.prompt, output.completion, label, output.plain, side))
    return outputs


def _halos(record: Mapping[str, Any]) -> list[Output] | None:
    if not {"prompt", "output"} <= record.keys():
        return None
    return [_prompt_and_answer(record["prompt"], record["output"], record.get("label"), "output")]


def _trl(record: Mapping[str, Any]) -> list[Output] | None:
    if "completion" not in record or not ("prompt" in record or isinstance(record["completion"], list)):
        return None
    return [_prompt_and_answer(record.get("prompt"), record["completion"], record.get("label"), "completion")]


def _axolotl(record: Mapping[str, Any]) -> list[Output] | None:
    asked = next((key for key in ("instruction", "question") if key in record), None)
    if asked is None or "completion" not in record:
        return None
    output = _prompt_and_answer(record[asked], record["completion"], record.get("label"), "completion")
    return [_with_system(output, record)]


def _messages(record: Mapping[str, Any]) -> list[Output] | None:
    """LLaMA-Factory (sharegpt in OpenAI's form) and ms-swift: one list, whose last message is judged."""
    if "messages" not in record:
        return None
    return [_last_message(record["messages"], "messages", _tag(record))]


def _sharegpt(record: Mapping[str, Any]) -> list[Output] | None:
    """LLaMA-Factory's sharegpt: `conversations` of `from` and `value`."""
    if "conversations" not in record:
        return None
    return [_with_system(_last_message(record["conversations"], "conversations", _tag(record)), record)]


def _alpaca(record: Mapping[str, Any]) -> list[Output] | None:
    """LLaMA-Factory's alpaca: `instruction`, `input`, `output`, `kto_tag`."""
    if not {"instruction", "output"} <= record.keys():
        return None
    asked = "\n".join(str(record[key]) for key in ("instruction", "input") if record.get(key))
    output = _prompt_and_answer(asked, record["output"], _tag(record), "output")
    return [_with_system(output, record)]


LAYOUTS: dict[str, Layout] = {
    "pairs": _pairs,
    "axolotl": _axolotl,
    "llama-factory (alpaca)": _alpaca,
    "halos": _halos,
    "trl": _trl,
    "messages": _messages,
    "llama-factory (sharegpt)": _sharegpt,
}
"""By name, the most telling keys first."""


def _tag(record: Mapping[str, Any]) -> Any:
    return record.get("kto_tag", record.get("label"))


def _prompt_and_answer(prompt: Any, answer: Any, label: Any, key: str) -> Output:
    if prompt is None and isinstance(answer, list):  # TRL's implicit prompt: all but the last message
        return _last_message(answer, key, label)
    plain = isinstance(prompt, str) and isinstance(answer, str)
    asked = [] if prompt is None else parse_messages(prompt, "prompt", role="user")
    return Output(asked, parse_messages(answer, key, role="assistant"), label, plain)


def _last_message(value: Any, key: str, label: Any) -> Output:
    messages = parse_messages(value, key, role=None)
    if not messages or messages[-1]["role"] != "assistant":
        raise Defect("no_completion", f"{key} does not end with an assistant's message")
    return Output(messages[:-1], messages[-1:], label, plain=False)


def _with_system(output: Output, record: Mapping[str, Any]) -> Output:
    if not isinstance(record.get("system"), str) or not record["system"]:
        return output
    system: list[Message] = [{"role": "system", "content": record["system"]}]
    return Output(system + output.prompt, output.completion, output.label, plain=False, side=output.side)
