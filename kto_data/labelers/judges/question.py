"""What a judge asks a model, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One request to a model.

    Attributes:
        messages: The conversation that it sees.
        parameters: How it answers: `temperature`, `max_tokens` and whatever else the backend knows.
        schema: The JSON Schema of the answer, for backends that can hold a model to it.
        words: Words whose probability as the next token is asked for, instead of a text.
        number: Of several samples of the same question, which one: 0, 1, ...
    """

    messages: Sequence[Message]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    words: Sequence[str] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it took.

    Attributes:
        text: Its text; empty where only probabilities were asked for.
        word_p: The probability of each word that was asked for; what is left to 1 went to other tokens.
        score: A reward model's score, of any size.
        finish_reason: Why it stopped: `stop`, `length` (cut off), `content_filter`.
        tokens_in: Tokens of the request; None where the server does not tell.
        tokens_out: Tokens of the answer.
        cached_in: Those of `tokens_in` that the provider had in its prompt cache.
        model: The model that answered, as the server names it.
        latency_ms: From sending to the whole answer.
    """

    text: str = ""
    word_p: Mapping[str, float] | None = None
    score: float | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached_in: int | None = None
    model: str | None = None
    latency_ms: float | None = None


class BadAnswerError(Exception):
    """What came back is no answer: not JSON, an error page, other keys than the protocol's. Asked again."""
