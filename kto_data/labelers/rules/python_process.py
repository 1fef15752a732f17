"""A process that runs users' functions, so that one that hangs or crashes can be ended.

Each thread of ours has one such process for each function. It ends with the thread that started it.
"""

import json
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from kto_data.labelers.rules.limits import RowError

_WORKER = Path(__file__).with_name("python_worker.py")
_START_S = 120.0
"""Seconds for starting the process and importing the function's module, which may be a large one."""
_local = threading.local()


def call(located: str, form: str, given: Any, args: dict[str, Any], *, timeout_s: float) -> Any:
    """Return what a function returns, as JSON values.

    Args:
        located: Where it is: `PATH.py:NAME` or `MODULE:NAME`.
        form: `row` or `batch`.
        given: Its arguments by position: text and columns of a row, or a table as an Arrow stream.
        args: Its arguments by name.
        timeout_s: Seconds that it may take.

    Raises:
        RowError: It raised, ended its process, or took too long.
    """
    processes: dict[tuple[int, str], _Process] = _local.__dict__.setdefault("processes", {})
    key = (os.getpid(), located)  # a forked process may not talk to its parent's
    process = processes.get(key)
    if process is None or not process.is_running:
        process = processes[key] = _Process(located)
    return process.call((form, given, args), timeout_s)


class _Process:
    """One process for one function."""

    def __init__(self, located: str) -> None:
        self._located = located
        self._process = subprocess.Popen(  # noqa: S603 - our own worker, no shell
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._failed = ""
        try:
            self._exchange((located, sys.path), _START_S)
        except RowError as error:
            self._failed = str(error)

    @property
    def is_running(self) -> bool:
        """Whether it can be called; one whose function cannot be imported stays, to say so again."""
        return bool(self._failed) or self._process.poll() is None

    def call(self, request: Any, timeout_s: float) -> Any:
        if self._failed:
            raise RowError(self._failed)
        return self._exchange(request, timeout_s)

    def __del__(self) -> None:
        self._end()

    def _exchange(self, request: Any, timeout_s: float) -> Any:
        sent, received = self._process.stdin, self._process.stdout
        assert sent is not None
        assert received is not None
        message = pickle.dumps(request)
        try:
            sent.write(len(message).to_bytes(8, "big") + message)
            sent.flush()
            deadline = time.monotonic() + timeout_s
            size = int.from_bytes(self._read(received, 8, deadline), "big")
            answer = json.loads(self._read(received, size, deadline))
        except TimeoutError:
            self._end()
            raise RowError(
                f"{_short(self._located)} took longer than {timeout_s:g} s and was ended"
            ) from None
        except (EOFError, BrokenPipeError):
            self._end()
            code = self._process.returncode
            raise RowError(f"{_short(self._located)} ended its process (exit code {code})") from None
        if "error" in answer:
            raise RowError(f"{_short(self._located)}: {answer['error']}")
        return answer["value"]

    def _read(self, stream: IO[bytes], size: int, deadline: float) -> bytes:
        parts, missing = [], size
        while missing:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError
            part = os.read(stream.fileno(), min(missing, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        """End the process and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._process.wait()


def _short(located: str) -> str:
    """Return a function's name without the folders that it is in."""
    place, _, function = located.rpartition(":")
    return f"{os.path.basename(place)}:{function}"
