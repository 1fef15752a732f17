"""Folders that a killed run continues from: `OUT/checkpoints/<stage>-<step>/`, each whole or passed over.

A folder holds `rank-<n>.pt` of each process (trained weights, the optimiser's state, random numbers) and, written last,
`state.json` with where the run stood and every file's size and sha256. It is filled under a temporary name, brought to
the disk, and renamed: a run that is killed at any moment leaves whole folders only, and one that was damaged later
does not fit its checksums.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from kto_trainer.output import MANIFEST, PARTIAL, sync_folder, write_json

VERSION = 1
STAGES = ("sft", "kto")


class State(NamedTuple):
    """Where a run stood: after `step` steps of `stage`, with `log_bytes` of its log written.

    `notes` is what the stage remembers besides numbers; `identity` what must be the same to continue.
    """

    folder: Path
    stage: str
    step: int
    log_bytes: int
    notes: dict[str, Any]
    identity: dict[str, Any]


def rank_file(number: int) -> str:
    """The name of one process's file."""
    return f"rank-{number}.pt"


def write_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write a process's tensors, and have them on the disk.

    Raises:
        OSError: They cannot be written; what the system says is passed on.
    """
    import torch

    try:
        with path.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:
        # torch hides the system's words, such as those of a full disk, in its own
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        if not isinstance(cause, OSError) and "PytorchStreamWriter" not in str(error):
            raise
        raise OSError(
            f"{path}: the checkpoint cannot be written ({cause}); make room, and go on with --resume"
        ) from None


def read_tensors(path: Path) -> dict[str, Any]:
    """What `write_tensors` wrote; on the CPU, and without running anything that the file might name."""
    import torch

    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def close_state(temporary: Path, state: State) -> None:
    """List the files of a filled folder in its manifest, and give it its name."""
    files = {path.name: _stamp(path) for path in sorted(temporary.glob("rank-*.pt"))}
    content = state._asdict() | {"version": VERSION, "files": files}
    del content["folder"]
    write_json(temporary / MANIFEST, content)
    sync_folder(temporary)
    shutil.rmtree(state.folder, ignore_errors=True)
    temporary.replace(state.folder)
    sync_folder(state.folder.parent)


def newest_whole(folder: Path, log: Path) -> tuple[State | None, list[str]]:
    """The newest whole state under a folder, and why newer ones were passed over.

    Args:
        folder: `OUT/checkpoints`.
        log: The unfinished log, which must still hold what the state has counted of it.
    """
    passed: list[str] = []
    for path in reversed(_named(folder)):
        state, reason = _read(path, log)
        if state is not None:
            return state, passed
        passed.append(f"{path.name} is passed over: {reason}")
    return None, passed


def newest_identity(folder: Path) -> dict[str, Any] | None:
    """What the newest state that can be read must continue with; None where there is none. Free of torch."""
    for path in reversed(_named(folder)):
        try:
            identity = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["identity"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(identity, dict):
            return identity
    return None


def _named(folder: Path) -> list[Path]:
    """The folders of states, whole or not, the oldest first."""
    found: list[tuple[int, int, Path]] = []
    for path in folder.glob("*-*"):
        stage, _, step = path.name.rpartition("-")
        if stage in STAGES and step.isdigit() and path.is_dir():
            found.append((STAGES.index(stage), int(step), path))
    return [path for _, _, path in sorted(found)]


def _read(folder: Path, log: Path) -> tuple[State | None, str]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = content.pop("files")
        if content.pop("version") != VERSION:
            return None, "another version of the trainer wrote it"
        state = State(folder, **content)
        for name, stamp in files.items():
            if _stamp(folder / name) != stamp:
                return None, f"{name} is not what was written"
        best = _best_of(folder, content)
        if best is not None and not (best / MANIFEST).is_file():
            return None, f"{best.name}, the best so far, is not there"
        if not log.is_file() or log.stat().st_size < state.log_bytes:
            return None, f"{log.name} is shorter than it was"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"it is not whole ({error})"
    return state, ""


def prune(folder: Path, keep: int) -> None:
    """Remove all states but the newest `keep`, the best weights that none of them names, and half-written folders.

    The newest best weights stay: the state that will name them is yet to come.
    """
    states = _named(folder)
    needed = set(sorted(folder.glob("best-????????"))[-1:])
    for path in states[-keep:]:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            best = _best_of(path, json.loads((path / MANIFEST).read_text(encoding="utf-8")))
            needed |= set() if best is None else {best}
    unneeded = set(folder.glob("best-????????")) - needed
    for path in [*states[:-keep], *unneeded, *folder.glob(f"*-*{PARTIAL}")]:
        shutil.rmtree(path, ignore_errors=True)


def _best_of(folder: Path, content: Mapping[str, Any]) -> Path | None:
    """The folder of the best weights that a state names."""
    step = content["notes"].get("stopping", {}).get("best_step")
    return folder.with_name(f"best-{step:08d}") if step else None


def _stamp(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
