"""Code and tests in a process of their own, under hard limits.

Enforced on any POSIX system: a wall clock (the whole process group is killed), CPU time, memory, the size of
files, open files, an empty environment, a folder of its own that is deleted afterwards, Python's
isolated mode. Where the system lets users make namespaces (`unshare`): no network, and every process the
code starts dies with it; else the network is open. The number of processes is limited, but not for root.
Not enforced: the code can read and change the files that the user can. For code you would not run yourself, run kto
in a container.
"""

import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kto_data.errors import UnavailableError
from kto_data.labelers.rules.limits import RowError

_CHILD = Path(__file__).with_name("child.py")
_START_S = 30.0  # for Python to start, on a busy machine
_FILE_BYTES = 16 * 2**20
_N_PROCESSES = 64
_N_PROCESSES_OF_USER = 4096  # where the limit counts everything that the user runs
_MAX_OUTPUT = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Result:
    """What came of code and its tests.

    Attributes:
        passed: Whether the tests ran to their end.
        reason: Why not.
    """

    passed: bool
    reason: str = ""


def run_tests(parts: Sequence[tuple[str, str]], *, timeout_s: float, memory_mb: int) -> Result:
    """Run pieces of Python one after another in one new process.

    Args:
        parts: Each piece with its name for messages, such as `code` and `tests`.
        timeout_s: Seconds that all of them may take.
        memory_mb: Megabytes that the process may use.

    Raises:
        UnavailableError: This system has no such limits.
        RowError: The process failed before the code began.
    """
    if sys.platform == "win32":
        raise UnavailableError("unit-tests needs a POSIX system: Windows cannot limit what the code may use")
    nonce = secrets.token_hex(16)
    task = {
        "nonce": nonce,
        "parts": list(parts),
        "cpu_s": int(timeout_s) + 1,
        "memory_bytes": memory_mb * 2**20,
        "file_bytes": _FILE_BYTES,
        "n_processes": _N_PROCESSES if _namespaces() else _N_PROCESSES_OF_USER,
    }
    with tempfile.TemporaryDirectory(prefix="kto-tests-", ignore_cleanup_errors=True) as folder:
        said = _talk(json.dumps(task).encode(), folder, timeout_s)
    lines = [line for line in map(_read, said.splitlines()) if line.get("nonce") == nonce]
    if not lines:
        raise RowError("the process for the tests failed before the code began")
    if "passed" not in lines[-1]:
        return Result(
            False, "the process ended, or was ended at its time or memory limit, before the tests did"
        )
    return Result(bool(lines[-1]["passed"]), str(lines[-1]["reason"]))


def isolates_network() -> bool:
    """Return whether code is run without a network here."""
    return bool(_namespaces())


def _talk(task: bytes, folder: str, timeout_s: float) -> bytes:
    """Return what the child said until it ended, was done, or its time was up."""
    process = subprocess.Popen(  # noqa: S603 - our own child, no shell
        [*_namespaces(), sys.executable, "-I", "-B", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"HOME": folder, "TMPDIR": folder, "PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(task)
            process.stdin.close()
        return _hear(process.stdout.fileno(), timeout_s)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        process.stdout.close()


def _hear(pipe: int, timeout_s: float) -> bytes:
    """Return two lines from a pipe; the time starts with the first, when the code does."""
    said, deadline = b"", time.monotonic() + _START_S
    while said.count(b"\n") < 2 and len(said) < _MAX_OUTPUT:
        had_started = b"\n" in said
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(pipe, _MAX_OUTPUT) if ready else b""
        if not piece:
            break
        said += piece
        if b"\n" in said and not had_started:
            deadline = time.monotonic() + timeout_s
    return said


@lru_cache(maxsize=1)
def _namespaces() -> tuple[str, ...]:
    """Return the command that takes away the network and ends strays, () where users may not use it."""
    found = shutil.which("unshare")
    if found is None:
        return ()
    command = (found, "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
    tried = subprocess.run([*command, "true"], capture_output=True, timeout=_START_S, check=False)  # noqa: S603
    return command if tried.returncode == 0 else ()


def _read(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
