"""What an answer is stored under: the place that was asked and the exact request."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kto_data.labelers.judges.backends.backend import Backend, HttpBackend, LocalBackend
from kto_data.labelers.judges.cache import key_of
from kto_data.labelers.judges.question import Question


class Keys:
    """The keys of questions to one model, in the cache.

    Args:
        backend: How it is asked.
        model: The model.
    """

    def __init__(self, backend: Backend, model: str) -> None:
        self._backend, self._model = backend, model
        self._place = place_of(backend, model)

    def of(self, question: Question) -> bytes:
        """Return a question's key."""
        return key_of(self._place, _request_of(self._backend, self._model, question), question.number)


def place_of(backend: Backend, model: str) -> str:
    """Return what tells this place from others: a server's address, or a local model's weights."""
    if isinstance(backend, HttpBackend):
        return backend.base_url
    assert isinstance(backend, LocalBackend)
    return backend.identity(model)


def _request_of(backend: Backend, model: str, question: Question) -> Mapping[str, Any]:
    """Return everything that is asked, as JSON values."""
    if isinstance(backend, HttpBackend):
        request = backend.request(model, question)
        return {"path": request.path, "body": request.body}
    return {name: value for name, value in asdict(question).items() if name != "number"}
