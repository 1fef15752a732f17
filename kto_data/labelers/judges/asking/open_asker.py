"""The asker of a backend."""

from kto_data.labelers.judges.asking.asker import Asker
from kto_data.labelers.judges.asking.local import LocalAsker
from kto_data.labelers.judges.asking.server import ServerAsker
from kto_data.labelers.judges.backends.backend import Backend, HttpBackend, LocalBackend
from kto_data.labelers.judges.file_model import Limits


def open_asker(backend: Backend, model: str, limits: Limits) -> Asker:
    """Return who is asked: a server, within `limits`, or a model on this machine.

    Raises:
        UnavailableError: The environment variable that should hold the key has no value.
    """
    if isinstance(backend, HttpBackend):
        return ServerAsker(backend, model, limits)
    assert isinstance(backend, LocalBackend)
    return LocalAsker(backend, model)
