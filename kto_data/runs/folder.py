"""A run's folder: one folder a step, `NN_<step>-<hash>/`, whose manifest is written last.

A finished step with the same hash is reused; a half-written one is redone; a changed option,
input or line of code changes the hash of the step and, if its outputs change, of what follows.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.errors import UnavailableError
from kto_data.runs.code import code_version
from kto_data.runs.files import hash_file, hash_value, write_json
from kto_data.runs.progress import Progress, Silent, StepResult

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step's work returns.

    Attributes:
        counts: Its accounting.
        facts: What else it has to tell, JSON values.
        elsewhere: Files that it wrote into the run folder but outside its own, such as vote blocks.
        again: Part of it failed in a way that may pass. The next run does the step again, and keeps what is there where
            what it needs is not.
    """

    counts: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    elsewhere: Sequence[Path] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run.

    Attributes:
        name: Unique in the run.
        work: Writes the step's files into the folder it is given and returns what it counted.
        options: Everything that its outputs depend on and that is not a file; JSON values.
        files: Files outside the run whose contents its outputs depend on.
        after: The steps whose outputs it reads.
        packages: Whose code does the work; a changed line there redoes the step.
        resumes: Its work goes on with what a killed attempt left in the folder; else that is thrown away.
    """

    name: str
    work: Callable[[Path], Outcome]
    options: Any = None
    files: Sequence[Path] = ()
    after: Sequence[StepResult] = ()
    packages: Sequence[str] = ("kto_data",)
    resumes: bool = False


class RunFolder:
    """The folder of one run.

    Args:
        path: Made when it does not exist.
        progress: Told of every step.
    """

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        self.path = path
        self.progress: Progress = progress or Silent()
        self.results: list[StepResult] = []
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock, so that two runs never write into one folder.

        Raises:
            UnavailableError: Another process holds it.
        """
        with (self.path / ".lock").open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                raise UnavailableError(
                    f"{self.path}: another run is at work here (process {owner}); wait for it or end it"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            for leftover in self.path.glob(".*.partial"):  # of a run that was killed
                _remove(leftover)
            yield

    def run(self, step: Step) -> StepResult:
        """Do a step, or reuse it when it is finished and nothing that it depends on has changed."""
        digest = hash_value(
            {
                "step": step.name,
                "options": step.options,
                "files": [hash_file(path) for path in step.files],
                "after": {result.name: result.outputs_hash for result in step.after},
                "code": code_version(*step.packages),
            }
        )
        folder = self.path / f"{len(self.results) + 1:02d}_{step.name}-{digest[:12]}"
        manifest = self._finished(folder)
        if manifest is not None and manifest["hash"] != digest:
            manifest = None
        reused = manifest is not None and not manifest.get("again", False)
        if manifest is None or not reused:
            try:
                manifest, reused = self._work(step, folder, digest), False
            except UnavailableError as error:
                if manifest is None:
                    raise
                self.progress.said(f"{step.name}: what failed last time could not be done again: {error}")
                reused = True
        result = _result(folder, manifest, reused=reused)
        self.results.append(result)
        self.progress.finished(result)
        return result

    def _work(self, step: Step, folder: Path, digest: str) -> dict[str, Any]:
        self.progress.started(step.name)
        started = time.monotonic()
        partial = self._begin(step, folder)
        outcome = step.work(partial)
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        manifest = {
            "step": step.name,
            "hash": digest,
            "options": step.options,
            "after": {result.name: result.outputs_hash for result in step.after},
            "code": code_version(*step.packages),
            "outputs": {path.relative_to(partial).as_posix(): _describe(path) for path in files},
            "elsewhere": {
                path.relative_to(self.path).as_posix(): _describe(path) for path in outcome.elsewhere
            },
            "counts": outcome.counts,
            "facts": outcome.facts,
            "seconds": round(time.monotonic() - started, 3),
            "again": outcome.again,
        }
        write_json(partial / MANIFEST, manifest)
        shutil.rmtree(folder, ignore_errors=True)  # one to be done again, or whose manifest is unreadable
        os.replace(partial, folder)
        return manifest

    def _begin(self, step: Step, folder: Path) -> Path:
        """Return the folder to work in: a new one, or the one that a killed attempt at just this left."""
        # the process id keeps a killed run's orphaned trainer from writing into this run's folder
        kind = "unfinished" if step.resumes else "partial"
        partial = folder.with_name(f".{folder.name}.{os.getpid()}.{kind}")
        if step.resumes:
            # attempts at other options, data or code are of no use
            for other in self.path.glob(f".??_{step.name}-*.unfinished"):
                if other.name.startswith(f".{folder.name}."):
                    os.replace(other, partial)
                else:
                    _remove(other)
        else:
            shutil.rmtree(partial, ignore_errors=True)  # a failed attempt's
        partial.mkdir(parents=True, exist_ok=True)
        return partial

    def _finished(self, folder: Path) -> dict[str, Any] | None:
        """Return the manifest of a step whose files are all there."""
        try:
            manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        files = [(folder / name, file) for name, file in manifest["outputs"].items()]
        files += [(self.path / name, file) for name, file in manifest["elsewhere"].items()]
        complete = all(path.is_file() and path.stat().st_size == file["bytes"] for path, file in files)
        return manifest if complete else None

    def publish(self, name: str, target: Path) -> None:
        """Make `<run>/<name>` a relative link to a file or folder of a step, replacing an earlier one."""
        link = self.path / name
        partial = self.path / f".{name}.partial"
        partial.unlink(missing_ok=True)
        partial.symlink_to(os.path.relpath(target, self.path))
        os.replace(partial, link)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "hash": hash_file(path)}


def _result(folder: Path, manifest: Mapping[str, Any], *, reused: bool) -> StepResult:
    return StepResult(
        name=manifest["step"],
        folder=folder,
        hash=manifest["hash"],
        outputs_hash=hash_value([manifest["outputs"], manifest["elsewhere"]]),
        counts=dict(manifest["counts"]),
        facts=dict(manifest["facts"]),
        seconds=manifest["seconds"],
        reused=reused,
    )
