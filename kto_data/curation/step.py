"""What a curation step is. To add one: one file in this folder with a registered `Step`, and one test."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import duckdb
import pyarrow as pa

from kto_data.config.validate import Options
from kto_data.registry import Registry

DROPS = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # names the defect: `completion_too_long`
        pa.field("detail", pa.string()),  # the figures or the other row, for people
    ]
)
"""What a step returns: the rows to leave out, each once. About 150 bytes a dropped row."""


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a step works on.

    Attributes:
        connection: A DuckDB with the views `rows` (those that no earlier step dropped), `labels`, `votes` and
            `labelers` (schemas of `kto_data.schema`; empty where there are none yet).
        rows_schema: The schema of `rows`, with the columns of this input's `meta`.
        seed: Of whatever a step chooses at random; it chooses by hashes, never by the order of rows.
        scratch: An empty folder for what does not fit into memory; it is gone after the step.
        beside: What the names of files begin with that a step leaves for people: `.../02_decontaminate_`.
        facts: What the step has to tell besides; JSON values, which stand in the run's manifest.
    """

    connection: duckdb.DuckDBPyConnection
    rows_schema: pa.Schema
    seed: int
    scratch: Path
    beside: str
    facts: dict[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        """Return the path of a file that the step leaves for people, beside the kept rows; it is told in the facts."""
        path = Path(f"{self.beside}{name}")
        self.facts.setdefault("files", []).append(path.name)
        return path

    def drops(self, query: str) -> pa.Table:
        """Return what a query selects as `row_id, reason, detail`."""
        return self.connection.sql(query).to_arrow_table()


class Step(Options, ABC):
    """A curation step: its fields are its options in YAML, its docstring is its manual.

    The rows that a step drops must follow from the set of rows alone, not from their order.
    """

    needs_labels: ClassVar[bool] = False
    """It reads the labels or the votes, which `prepare` comes too early for."""
    merges: ClassVar[bool] = False
    """It keeps one row for others with other texts, so the votes on those are counted that are then left out."""
    shorthand: ClassVar[str] = ""
    """The option that a step's plain value stands for: `language: en` is `language: {is: en}`."""

    @property
    def rewrites(self) -> bool:
        """Whether it changes texts; then labels would be about others, so it belongs under `prepare`."""
        return False

    def rewrite(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows with their texts changed; the ids are made anew where they have."""
        return rows

    def find_files(self, folder: Path) -> Self:
        """Return the step with the files that it names found.

        Args:
            folder: What their paths are relative to.

        Raises:
            InputError: A file is missing or cannot be used.
        """
        return self

    @property
    def files(self) -> Sequence[Path]:
        """The files outside the run that its result depends on."""
        return ()

    @abstractmethod
    def drop(self, given: StepInput) -> pa.Table:
        """Return the rows to leave out, with the columns of `DROPS`."""


STEPS: Registry[type[Step]] = Registry(
    "curation step", package="kto_data.curation", group="kto_data.curation"
)
"""The steps by the names that pipeline files call them."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as a pipeline file lists it: its name and its options."""

    name: str
    step: Step
