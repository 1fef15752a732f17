"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, TGI, llama.cpp, `transformers serve`."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any, ClassVar, Literal

from pydantic import Field

from kto_data.labelers.judges.backends.backend import BACKENDS, HttpBackend, Request, Secret, Url
from kto_data.labelers.judges.question import Answer, BadAnswerError, Question


@BACKENDS.register("openai")
class OpenAI(HttpBackend):
    """`POST {base_url}/chat/completions`."""

    gives_words: ClassVar[bool] = True

    base_url: Url = "https://api.openai.com/v1"
    api_key: Secret = "$OPENAI_API_KEY"
    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the server is held to the answer's schema; `none` for servers that refuse the key."""
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the longest answer; OpenAI's reasoning models want the latter."""
    top_logprobs: int = Field(20, ge=1, le=20)
    """How many of the likeliest tokens are looked at for the verdict's words."""

    def request(self, model: str, question: Question) -> Request:
        """Return the request of a question."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [dict(message) for message in question.messages],
            **question.parameters,
        }
        if question.words:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs, "max_tokens": 1}
        if "max_tokens" in body and self.max_tokens_key != "max_tokens":
            body[self.max_tokens_key] = body.pop("max_tokens")
        if question.schema and self.response_format == "json_schema":
            named = {"name": "verdict", "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif question.schema and self.response_format == "json_object":
            body["response_format"] = {"type": "json_object"}
        return Request("/chat/completions", body)

    def read(self, body: Any, question: Question) -> Answer:
        """Return the answer in a reply."""
        return read_completion(body, question)


def read_completion(body: Any, question: Question) -> Answer:
    """Return the answer in the JSON of a chat completion.

    Raises:
        BadAnswerError: It is none.
    """
    if not isinstance(body, Mapping):
        raise BadAnswerError(f"should be a JSON object, not {type(body).__name__}")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise BadAnswerError(f"has no choices{_error_in(body)}")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise BadAnswerError("its choice has no message")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise BadAnswerError(f"its content should be a text, not {type(content).__name__}")
    usage = body.get("usage") if isinstance(body.get("usage"), Mapping) else {}
    details = usage.get("prompt_tokens_details") if isinstance(usage, Mapping) else None
    reason = choice.get("finish_reason")
    return Answer(
        text=content or "",
        word_p=_words(choice.get("logprobs"), question.words) if question.words else None,
        finish_reason="content_filter"
        if message.get("refusal")
        else reason
        if isinstance(reason, str)
        else None,
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        cached_in=_count(details, "cached_tokens"),
        model=body.get("model") if isinstance(body.get("model"), str) else None,
    )


def _words(logprobs: Any, words: Sequence[str]) -> dict[str, float]:
    """Return the probability that the first token says each of the words, whatever its case and spaces."""
    try:
        tokens = logprobs["content"][0]["top_logprobs"]
        said = [(str(one["token"]), float(one["logprob"])) for one in tokens]
    except (TypeError, LookupError, ValueError):
        raise BadAnswerError(
            "has no logprobs; the server does not give any, so use a verdict in JSON instead of output.logprobs"
        ) from None
    found = dict.fromkeys(words, 0.0)
    for token, logprob in said:
        for word in words:
            if token.strip().casefold() == word.strip().casefold():
                found[word] += exp(min(logprob, 0.0))
    return found


def _count(usage: Any, key: str) -> int | None:
    value = usage.get(key) if isinstance(usage, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _error_in(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    if not error:
        return ""
    return f": {error.get('message') if isinstance(error, Mapping) else error}"
