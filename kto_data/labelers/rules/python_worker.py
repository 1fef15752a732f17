"""What runs in the process of a user's function: it reads requests, and writes what the function returned.

It imports nothing of kto-data, so that it starts fast. A request is 8 bytes of length and a pickle; an answer
is 8 bytes of length and JSON. The first request says which function, the others call it. What the
function prints goes to standard error.
"""

import importlib
import importlib.util
import json
import os
import pickle
import sys
from typing import Any, BinaryIO


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _end_with_parent()
    requests = sys.stdin.buffer
    located, path = _read(requests)
    sys.path[:] = path
    try:
        function = _load(located)
    except BaseException as error:  # noqa: BLE001 - whatever importing a user's code raises is told
        _write(answers, {"error": f"cannot be imported: {_told(error)}"})
        return
    _write(answers, {"value": None})
    while True:
        try:
            form, given, args = _read(requests)
        except EOFError:
            return
        try:
            value = function(_table(given), **args) if form == "batch" else function(*given, **args)
            answer = {"value": _values(value) if form == "batch" else _plain(value)}
        except Exception as error:  # noqa: BLE001 - whatever a user's code raises is told
            answer = {"error": _told(error)}
        _write(answers, answer)


def _load(located: str) -> Any:
    place, _, name = located.rpartition(":")
    if not place.endswith(".py"):
        return getattr(importlib.import_module(place), name)
    sys.path.insert(0, os.path.dirname(place))  # so that it can import what lies beside it
    spec = importlib.util.spec_from_file_location(os.path.basename(place).removesuffix(".py"), place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def _table(stream: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(stream).read_all()


def _values(value: Any) -> list[Any]:
    for name in ("to_pylist", "tolist"):
        if hasattr(value, name):
            value = getattr(value, name)()
    return [_plain(one) for one in value]


def _plain(value: Any) -> Any:
    """Return what a function returned as JSON values; anything that it should not return as text."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)[:100]


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _end_with_parent() -> None:
    """Let the system end this process with the one that started it, also if that is killed (Linux only)."""
    try:
        import ctypes

        pr_set_pdeathsig, sigkill = 1, 9
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, sigkill)
    except (OSError, AttributeError):
        pass  # it ends when it next reads, as its input is closed then


def _read(stream: BinaryIO) -> Any:
    size = stream.read(8)
    if len(size) < 8:
        raise EOFError
    return pickle.loads(stream.read(int.from_bytes(size, "big")))  # noqa: S301 - from our own parent


def _write(stream: BinaryIO, answer: dict[str, Any]) -> None:
    message = json.dumps(answer).encode()
    stream.write(len(message).to_bytes(8, "big") + message)
    stream.flush()


if __name__ == "__main__":
    main()
