"""Anthropic's messages API."""

import json
from collections.abc import Mapping
from typing import Any

from kto_data.labelers.judges.backends.backend import BACKENDS, HttpBackend, Request, Secret, Url
from kto_data.labelers.judges.question import Answer, BadAnswerError, Question

_VERSION = "2023-06-01"
_MAX_TOKENS = 1024  # the protocol wants a number
_STOPPED = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "refusal": "content_filter"}


@BACKENDS.register("anthropic")
class Anthropic(HttpBackend):
    """`POST {base_url}/v1/messages`; a schema is given as a tool that the model has to call."""

    base_url: Url = "https://api.anthropic.com"
    api_key: Secret = "$ANTHROPIC_API_KEY"
    tool: bool = True
    """Hold the model to the answer's schema by a forced tool call; false asks for JSON in the text."""

    def key_headers(self, key: str) -> dict[str, str]:
        """Return the key as this server wants it."""
        return {"x-api-key": key}

    def send_headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        return {**super().send_headers(), "anthropic-version": _VERSION}

    def request(self, model: str, question: Question) -> Request:
        """Return the request of a question; system messages stand apart."""
        system = "\n\n".join(one["content"] for one in question.messages if one["role"] == "system")
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": _MAX_TOKENS,
            "messages": [dict(one) for one in question.messages if one["role"] != "system"],
            **question.parameters,
        }
        if system:
            body["system"] = system
        if question.schema and self.tool:
            body["tools"] = [
                {"name": "verdict", "description": "The verdict.", "input_schema": question.schema}
            ]
            body["tool_choice"] = {"type": "tool", "name": "verdict"}
        return Request("/v1/messages", body)

    def read(self, body: Any, question: Question) -> Answer:
        """Return the answer in a reply: the tool's input as JSON, else the text."""
        return read_message(body)


def read_message(body: Any) -> Answer:
    """Return the answer in the JSON of a message.

    Raises:
        BadAnswerError: It is none.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("content"), list):
        raise BadAnswerError("has no content")
    parts = [part for part in body["content"] if isinstance(part, Mapping)]
    calls = [part.get("input") for part in parts if part.get("type") == "tool_use"]
    texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
    usage = body.get("usage") if isinstance(body.get("usage"), Mapping) else {}
    assert isinstance(usage, Mapping)
    cached, made = (_count(usage, f"cache_{what}_input_tokens") or 0 for what in ("read", "creation"))
    tokens_in = _count(usage, "input_tokens")
    stopped = body.get("stop_reason")
    return Answer(
        # two calls are two verdicts: written one after the other, they are no single JSON value
        text="\n".join(json.dumps(call, ensure_ascii=False) for call in calls) if calls else "".join(texts),
        finish_reason=_STOPPED.get(str(stopped), "stop" if stopped == "tool_use" else None),
        tokens_in=None if tokens_in is None else tokens_in + cached + made,
        tokens_out=_count(usage, "output_tokens"),
        cached_in=cached,
        model=body.get("model") if isinstance(body.get("model"), str) else None,
    )


def _count(usage: Mapping[str, Any], key: str) -> int | None:
    value = usage.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
