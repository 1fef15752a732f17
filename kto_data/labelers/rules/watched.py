"""Work in a process that can be ended, so that what hangs or crashes is stopped, told, and everything else goes on."""

import os
import pickle
import select
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Stopped:
    """What stands for the result of a task that gave none.

    Attributes:
        reason: Why: it took too long, or it ended the process.
    """

    reason: str


def watched(tasks: Sequence[Callable[[], T]], *, timeout_s: float) -> Generator[T | Stopped, None, None]:
    """Yield the result of each task, in order; `Stopped` for one that takes too long or ends its process.

    The tasks run one after another in a copy of this process, and their results are pickled. Where
    processes cannot be copied (Windows) they run here, and nothing is stopped.

    Args:
        tasks: Functions without arguments.
        timeout_s: Seconds that each may take.
    """
    if not hasattr(os, "fork"):
        yield from (task() for task in tasks)
        return
    done = 0
    while done < len(tasks):
        copy = _Copy(tasks[done:])
        try:
            while done < len(tasks):
                try:
                    result: T | Stopped = copy.next_result(timeout_s)
                except TimeoutError:
                    result = Stopped(f"took longer than {timeout_s:g} s and was stopped")
                except EOFError:
                    result = Stopped("ended its process")
                done += 1
                yield result
                if isinstance(result, Stopped):
                    break
        finally:
            copy.end()


class _Copy:
    """A copy of this process that works through tasks."""

    def __init__(self, tasks: Sequence[Callable[[], object]]) -> None:
        self._reading, writing = os.pipe()
        self._received = b""
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reading)
            _work(tasks, writing)
        os.close(writing)

    def next_result(self, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        size = int.from_bytes(self._read(_SIZE_BYTES, deadline), "big")
        result = pickle.loads(self._read(size, deadline))  # noqa: S301 - our own copy wrote it
        if isinstance(result, BaseException):
            raise result
        return result

    def _read(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._reading], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self._reading, 1 << 20)
            if not part:
                raise EOFError
            self._received += part
        read, self._received = self._received[:size], self._received[size:]
        return read

    def end(self) -> None:
        os.close(self._reading)
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _work(tasks: Sequence[Callable[[], object]], writing: int) -> None:
    """Write the results of tasks, and end this process."""
    try:
        with os.fdopen(writing, "wb") as pipe:
            for task in tasks:
                try:
                    result = task()
                except Exception as error:  # noqa: BLE001 - raised again where it was asked for
                    result = error
                data = pickle.dumps(result)
                pipe.write(len(data).to_bytes(_SIZE_BYTES, "big") + data)
                pipe.flush()
    finally:
        os._exit(0)
