"""A row as the messages that a judge's model sees."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kto_data.labelers.judges.file_model import JudgeOptions, Principle
from kto_data.labelers.judges.output import Output
from kto_data.labelers.judges.question import Message
from kto_data.labelers.judges.template import FENCE_NOTE, Material, PromptTemplate, Trusted
from kto_data.labelers.rules.row import Row, column_value, scope_text, value_text

DEFAULT_PROMPT = """\
{% if principles %}
Judge whether the completion follows {% if principles|length == 1 %}this principle{% else %}each of these principles{% endif %}:
{% for principle in principles %}
{{ principle.id }}: {{ principle.text }}
{% endfor %}
{% else %}
Judge whether the completion is a desirable answer to the prompt.
{% endif %}
{% if rubric %}

Rubric:
{{ rubric }}
{% endif %}

The prompt:
{{ prompt }}

The completion:
{{ completion }}
{% if reference %}

A known good answer:
{{ reference }}
{% endif %}
"""
"""The template of a judge file that has none."""

NAMES = frozenset({"prompt", "completion", "conversation", "reference", "meta", "rubric", "principles"})
"""What a template can print."""


class Prompts:
    """The templates of one judge.

    Args:
        prompt: The template of the user's message.
        system: The template of the system message; empty for none.
        as_it_is: The conversation itself is judged, as by a reward model: no template is used.

    Raises:
        ValueError: One is no template, or prints something that there is not.
    """

    def __init__(self, prompt: str, system: str, *, as_it_is: bool = False) -> None:
        self._prompt = PromptTemplate(prompt)
        self._system = PromptTemplate(system)
        self._as_it_is = as_it_is
        self.names = self._prompt.names | self._system.names
        self.reads_meta = not as_it_is and bool({"meta"} & self.names)

    def messages(
        self, row: Row, options: JudgeOptions, output: Output, principles: Sequence[Principle]
    ) -> list[Message]:
        """Return the conversation that the model sees.

        Raises:
            ValueError: A template fails on this row, or the row lacks what is judged.
        """
        judged = scope_text(row, options.scope)
        if judged is None:
            raise ValueError(f"the row has no {options.scope}")
        if self._as_it_is:
            return [*_plain(row.prompt), {"role": "assistant", "content": judged}]
        values = _values(row, options, judged, principles)
        system = [self._system.render(values), FENCE_NOTE, _wanted(output, principles, options)]
        return [
            {"role": "system", "content": "\n\n".join(part for part in system if part)},
            {"role": "user", "content": self._prompt.render(values)},
        ]


def _values(row: Row, options: JudgeOptions, judged: str, principles: Sequence[Principle]) -> dict[str, Any]:
    reference = value_text(column_value(row, options.reference))
    turns = [*row.prompt, *row.completion]
    return {
        "prompt": Material(_as_text(row.prompt), "prompt"),
        "completion": Material(judged, "completion"),
        "conversation": [
            {key: Material(str(message[key]), key) for key in ("role", "content")} for message in turns
        ],
        "reference": None if reference is None else Material(reference, "reference"),
        "meta": row.meta,
        "rubric": Trusted(options.rubric),
        "principles": [{"id": Trusted(one.id), "text": Trusted(one.text)} for one in principles],
    }


def _as_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return a prompt as text: a single message as it is, several with who said what."""
    if len(messages) == 1:
        return str(messages[0]["content"])
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def _plain(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    return [{"role": str(one["role"]), "content": str(one["content"])} for one in messages]


def _wanted(output: Output, principles: Sequence[Principle], options: JudgeOptions) -> str:
    """Return what the model is told of the form of its answer."""
    if output.logprobs is not None:
        yes, no = output.logprobs.desirable[0], output.logprobs.undesirable[0]
        return f"Answer with one word: {yes} if the completion is desirable, {no} if it is undesirable."
    overall = principles if options.judge_principles == "overall" else ()
    keys = {output.reason: "your reasoning, before you decide"}
    if overall:
        keys["violations"] = (
            f"a list of the ids of the principles that are violated ({_listed(overall)}); [] if none"
        )
    if output.verdict:
        keys[output.verdict] = " or ".join(json.dumps(name) for name in output.votes)
    if output.score:
        keys[output.score] = "a number"
    lines = "\n".join(f"  {json.dumps(key)}: {what}" for key, what in keys.items())
    return f"Answer with one JSON object and nothing else, with these keys in this order:\n{lines}"


def _listed(principles: Sequence[Principle]) -> str:
    return ", ".join(principle.id for principle in principles)
