"""What an answer is stored under: the place that was asked and the exact request."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kto_data.labelers.judges.backends.backend import Backend, HttpBackend, LocalBackend
from kto_data.labelers.judges.question import Question


def place_of(backend: Backend, model: str) -> str:
    """Return what tells this place from others: a server's address, or a local model's weights."""
    if isinstance(backend, HttpBackend):
        return backend.base_url
    assert isinstance(backend, LocalBackend)
    return backend.identity(model)


def request_of(backend: Backend, model: str, question: Question) -> Mapping[str, Any]:
    """Return everything that is asked, as JSON values."""
    if isinstance(backend, HttpBackend):
        request = backend.request(model, question)
        return {"path": request.path, "body": request.body}
    return {name: value for name, value in asdict(question).items() if name != "number"}
