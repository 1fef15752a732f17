"""The process that runs code and its tests: limits first, then the code. Imports nothing of kto_data.

It reads one JSON object from its input and writes lines of JSON to its output: `{"nonce", "started"}` before the
code runs, and `{"nonce", "passed", "reason"}` after the tests. The code's own output goes nowhere.
"""

import json
import os
import resource
import sys
import traceback
from typing import TextIO

_FILES = 64


def main() -> None:
    """Run the task on standard input."""
    task = json.loads(sys.stdin.buffer.read())
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    _limit(task["cpu_s"], task["memory_bytes"], task["file_bytes"], task["n_processes"])
    _tell(told, nonce=task["nonce"], started=True)
    passed, reason = _run(task["parts"])
    _tell(told, nonce=task["nonce"], passed=passed, reason=reason[:500])
    os._exit(0)  # threads and exit handlers of the code have had their time


def _limit(cpu_s: int, memory_bytes: int, file_bytes: int, n_processes: int) -> None:
    for kind, most in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_NPROC, n_processes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _run(parts: list[tuple[str, str]]) -> tuple[bool, str]:
    space = {"__name__": "__main__", "__builtins__": __builtins__}
    for name, code in parts:
        try:
            exec(compile(code, name, "exec"), space)  # noqa: S102 - what this process is for
        except BaseException as error:  # noqa: BLE001 - SystemExit too: code that stops has not passed
            return False, f"{name}: {traceback.format_exception_only(error)[-1].strip()}"
    return True, ""


def _tell(told: TextIO, **said: object) -> None:
    told.write(json.dumps(said) + "\n")
    told.flush()


if __name__ == "__main__":
    main()
