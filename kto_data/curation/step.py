"""What a curation step is. To add one: one file in this folder with a registered `Step`, and one test."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

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
        connection: A DuckDB with the views `rows` (those that no earlier step dropped), `labels` and `votes`
            (schemas of `kto_data.schema`; both empty where there are none yet).
        rows_schema: The schema of `rows`, with the columns of this input's `meta`.
        seed: Of whatever a step chooses at random; it chooses by hashes, never by the order of rows.
    """

    connection: duckdb.DuckDBPyConnection
    rows_schema: pa.Schema
    seed: int

    def drops(self, query: str) -> pa.Table:
        """Return what a query selects as `row_id, reason, detail`."""
        return self.connection.sql(query).to_arrow_table()


class Step(Options, ABC):
    """A curation step: its fields are its options in YAML, its docstring is its manual.

    The rows that a step drops must follow from the set of rows alone, not from their order.
    """

    needs_labels: ClassVar[bool] = False
    """It reads the labels or the votes, which `prepare` comes too early for."""

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
