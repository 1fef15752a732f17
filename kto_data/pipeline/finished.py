"""A finished run, read from its folder: its steps, its blocks of votes, its method and policy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.aggregators.method import METHODS, Method
from kto_data.aggregators.policy import Policy
from kto_data.errors import InputError
from kto_data.pipeline.steps.gold import GOLD_STEPS
from kto_data.runs.folder import MANIFEST
from kto_data.votes.labelers import Labeler, from_files


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run whose manifest is written.

    Attributes:
        folder: The run folder.
        steps: The manifest of each step, by name, in their order.
        folders: The folder of each step; where there are several rounds of training, the last round's.
        first_training: The folder of the first round's training; None where nothing was trained.
        pipeline_file: The pipeline file that it was made from, where it was then.
        seed: The seed that it was made with.
    """

    folder: Path
    steps: Mapping[str, Mapping[str, Any]]
    folders: Mapping[str, Path]
    pipeline_file: str | None = None
    seed: int = 0
    first_training: Path | None = None

    def path(self, step: str, name: str) -> Path:
        """Return a file of a step.

        Raises:
            InputError: The run has no such step, or the file is gone.
        """
        if step not in self.folders:
            raise InputError(f"{self.folder}: the run has no step {step!r}")
        path = self.folders[step] / name
        if not path.is_file():
            raise InputError(f"{path}: is missing; run the pipeline again to make it")
        return path

    @property
    def rows(self) -> Path:
        """The rows as they went on: as `prepare` has rewritten them, where it has, else as they were read."""
        rewritten = self.folders["prepare"] / "rows.parquet"
        return rewritten if rewritten.is_file() else self.path("read", "rows.parquet")

    def blocks(self, kind: str) -> list[Path]:
        """Return the blocks of the vote log that the run's labels follow from."""
        return [
            self.folder / "votes" / name
            for step in self.steps.values()
            for name in step["facts"].get("blocks", {}).get(kind, [])
        ]

    def dropped(self) -> list[Path]:
        """Return the files of the rows that steps left out."""
        files = (folder / "dropped.parquet" for folder in self.folders.values())
        return [file for file in files if file.is_file()]

    def labelers(self) -> list[Labeler]:
        """Return who voted."""
        return from_files(self.blocks("labelers"))

    def asked(self) -> dict[str, frozenset[str]]:
        """Return for each labeler that was asked in a later round which samples it was asked about."""
        found: dict[str, frozenset[str]] = {}
        for name, step in self.steps.items():
            samples = self.folders[name] / "unresolved.parquet"
            blocks = step["facts"].get("blocks", {}).get("labelers", [])
            if samples.is_file() and blocks:
                ids = frozenset(pq.read_table(samples, columns=["sample_id"])["sample_id"].to_pylist())
                for labeler in from_files([self.folder / "votes" / block for block in blocks]):
                    found[labeler.name] = ids
        return found

    def decides_by(self) -> tuple[Method, Policy]:
        """Return the method and the policy of the run's aggregate."""
        options = self.steps["aggregate"]["options"]
        for name in METHODS:
            if METHODS.get(name).__name__ == options["method"]:
                return METHODS.get(name).model_validate(options["options"]), Policy.model_validate(
                    options["policy"]
                )
        raise InputError(f"{self.folder}: its aggregation method {options['method']} is not installed")

    def gold(self) -> "Any | None":
        """Return the run's gold table; None where it has none."""
        files = [self.path(step, "gold.parquet") for step in GOLD_STEPS if step in self.folders]
        return pa.concat_tables([pq.read_table(file) for file in files]) if files else None


def open_run(folder: Path) -> FinishedRun:
    """Read a run folder.

    Raises:
        InputError: It is none, or the run was never finished.
    """
    manifest = _json(folder / MANIFEST, "no finished run (kto run writes its manifest last)")
    folders = {step["step"]: folder / step["folder"] for step in manifest.get("steps", [])}
    if "aggregate" not in folders:
        raise InputError(f"{folder}: this run made no labels")
    steps = {
        name: _json(path / MANIFEST, "the step's folder is gone or damaged; run the pipeline again")
        for name, path in folders.items()
    }
    trained = [folder / step["folder"] for step in manifest["steps"] if step["step"] == "train"]
    return FinishedRun(
        folder,
        steps,
        folders,
        manifest.get("file"),
        int(manifest.get("seed", 0)),
        trained[0] if trained else None,
    )


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of a run's report.

    Raises:
        InputError: It is no finished run.
    """
    facts = _json(folder / "report.json", "no finished run (kto run writes its report last)")
    if not isinstance(facts, dict):
        raise InputError(f"{folder / 'report.json'}: holds no facts; run the pipeline again")
    return facts


def _json(path: Path, problem: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path.parent}: {problem}: {path.name} cannot be read") from None
