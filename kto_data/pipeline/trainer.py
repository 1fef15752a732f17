"""The trainer as a subprocess: what it says is passed on, how it ends becomes our error."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kto_data.errors import InputError, KtoDataError, UnavailableError

NEEDED = ("torch", "transformers", "safetensors")

_ERRORS = ("error: ", "python -m kto_trainer: error: ")
"""What the trainer's and argparse's messages of errors begin with."""


def check_installed() -> None:
    """Make sure that the trainer can start.

    Raises:
        UnavailableError: The `train` extra is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"training needs {', '.join(missing)}: pip install 'kto-data[train]', "
            "or take `train:` out of the pipeline to stop at the dataset"
        )


def write_config(path: Path, options: Mapping[str, Any]) -> Path:
    """Write the options of a trainer command as its `--config` file."""
    path.write_text(json.dumps(options, indent=2, sort_keys=True), encoding="utf-8")
    return path


def as_flags(options: Mapping[str, Any]) -> list[str]:
    """Return options as command line flags; those that are None are left to the trainer.

    >>> as_flags({"max_new_tokens": 96, "threads": None})
    ['--max-new-tokens', '96']
    """
    flags: list[str] = []
    for name, value in options.items():
        if value is not None:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    return flags


def call_trainer(verb: str, arguments: Sequence[str | Path], said: Callable[[str], None]) -> dict[str, Any]:
    """Run `python -m kto_trainer VERB ARGUMENTS --json` and return what it reports.

    Args:
        verb: train, score or generate.
        arguments: The rest of the command line.
        said: Called with every line that the trainer writes to stderr, but for its errors.

    Raises:
        InputError: It refused its input; the message is its own.
        UnavailableError: Something it needs was not there, or it was killed.
        KtoDataError: It failed otherwise; the message ends with its last words.
    """
    command = [sys.executable, "-m", "kto_trainer", verb, *map(str, arguments), "--json"]
    last_words: deque[str] = deque(maxlen=20)
    # killed as we may be, it must not go on in a folder that the next run takes over
    environment = os.environ | {"KTO_TRAINER_PARENT": str(os.getpid())}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stderr:  # stdout holds one small document, which fits its pipe
                last_words.append(line.rstrip())
                if not line.startswith(_ERRORS):  # what is raised below need not be said twice
                    said(line.rstrip())
            output = process.stdout.read()
        except BaseException:  # ours, such as Ctrl-C: the trainer must not go on alone
            process.terminate()
            raise
    if process.returncode == 0:
        report: dict[str, Any] = json.loads(output)
        return report
    raise _failure(verb, process.returncode, last_words)


def _failure(verb: str, code: int, last_words: Sequence[str]) -> KtoDataError:
    said_wrong = (line.removeprefix("python -m kto_trainer: ") for line in last_words)  # argparse's own form
    text = "\n".join(line.removeprefix("error: ") for line in said_wrong if line.startswith("error: "))
    if code == 2 and text:
        return InputError(text)
    if code == 3 and text:
        return UnavailableError(text)
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory; try a smaller batch or model)" if name == "SIGKILL" else ""
        return UnavailableError(f"the trainer ({verb}) was ended by {name}{hint}")
    said = "\n".join(last_words) or "it said nothing"
    return UnavailableError(f"the trainer ({verb}) failed with exit code {code}:\n{said}")
