"""What a backend is: a server that is asked over HTTP, a model on this machine, or answers made elsewhere.

A backend knows how a question is written for it and how its answer is read. It never sends, waits, retries or
stores: `asking` does that for all of them.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from kto_data.config.validate import Options
from kto_data.errors import UnavailableError
from kto_data.labelers.judges.question import Answer, Question
from kto_data.registry import Registry

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")


def _is_variable(value: str) -> str:
    if value and not _VARIABLE.fullmatch(value):
        raise ValueError(
            "should name an environment variable, such as $OPENAI_API_KEY; a key does not stand in a file"
        )
    return value


Secret = Annotated[str, AfterValidator(_is_variable)]
"""The name of the environment variable that holds a secret, as `$NAME`; empty for none."""


def secret(variable: str) -> str | None:
    """Return the value of a `$NAME`; None where it is not set, or no name is given."""
    named = _VARIABLE.fullmatch(variable)
    return (os.environ.get(named[1]) or None) if named else None


def _is_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"should be an address such as https://host/v1, not {value!r}")
    if parts.username or parts.password:
        raise ValueError("should not hold a name or password; name a variable in api_key")
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_is_url)]
"""An http or https address without secrets in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question as a server takes it.

    Attributes:
        path: What follows the server's address.
        body: The JSON body; its exact content is part of the answer's key in the cache.
    """

    path: str
    body: Mapping[str, Any]


class Backend(Options):
    """A place to ask; its fields are the options under `backend: {NAME: {...}}`."""

    gives_text: ClassVar[bool] = True
    """Whether it can be asked for a text, as `kto generate` does."""
    gives_words: ClassVar[bool] = False
    """Whether it tells the probability of words, as `output.logprobs` needs."""
    gives_score: ClassVar[bool] = False
    """Whether its answer is a score instead of a text."""
    asks: ClassVar[bool] = True
    """Whether it is asked at all; recorded votes are looked up."""

    def located(self, folder: Path, model: str) -> Self:
        """Return it with the files that it names found, relative to the judge file's folder.

        Raises:
            ConfigError: A file is missing.
        """
        return self


class HttpBackend(Backend):
    """A server that is asked over HTTP."""

    base_url: Url
    """The server's address."""
    api_key: Secret = ""
    """The environment variable that holds the key, as `$NAME`."""
    headers: dict[str, Secret] = {}
    """Further headers, each with the environment variable that holds its value."""

    def request(self, model: str, question: Question) -> Request:
        """Return the request of a question."""
        raise NotImplementedError

    def read(self, body: Any, question: Question) -> Answer:
        """Return the answer in a JSON body.

        Raises:
            BadAnswerError: It holds none.
        """
        raise NotImplementedError

    def key_headers(self, key: str) -> dict[str, str]:
        """Return the headers that carry the key."""
        return {"Authorization": f"Bearer {key}"}

    def send_headers(self) -> dict[str, str]:
        """Return the headers of every request, with the secrets from the environment.

        Raises:
            UnavailableError: A variable that is named has no value, and the server is not on this machine.
        """
        headers = {"Content-Type": "application/json"}
        for name, variable in self.headers.items():
            headers[name] = self._value(variable) or ""
        key = self._value(self.api_key) if self.api_key else None
        return headers | (self.key_headers(key) if key else {})

    def secrets(self) -> tuple[str, ...]:
        """Return the values that no message may show."""
        named = [secret(variable) for variable in (self.api_key, *self.headers.values())]
        return tuple(value for value in named if value)

    def _value(self, variable: str) -> str | None:
        value = secret(variable)
        local = urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")
        if value is None and not local:
            raise UnavailableError(
                f"the environment variable {variable} is not set; {self.base_url} needs it as its key"
            )
        return value


class LocalBackend(Backend):
    """A model on this machine."""

    batch_size: int = Field(16, ge=1)
    """Questions that are answered at once."""

    def identity(self, model: str) -> str:
        """Return what tells this model's weights from others, for the cache."""
        raise NotImplementedError

    def answer(self, model: str, questions: Sequence[Question]) -> list[Answer]:
        """Return the answers of at most `batch_size` questions, in order."""
        raise NotImplementedError


BACKENDS: Registry[type[Backend]] = Registry(
    "backend", package="kto_data.labelers.judges.backends", group="kto_data.judge_backends"
)
"""The backends by name."""
