"""Votes that were made elsewhere: in a file of their own, or in columns of the input."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, PrivateAttr, model_validator

from kto_data.errors import ConfigError, InputError, Mistake
from kto_data.labelers.decision_table import DecisionTable
from kto_data.labelers.judges.backends.backend import BACKENDS, Backend
from kto_data.labelers.judges.verdict import Verdict
from kto_data.labelers.rules.row import Row, column_value


@BACKENDS.register("recorded")
class Recorded(Backend):
    """A file of votes, or columns of the input, through a table of patterns.

    Several lines of the file about one row are several samples, combined as the judge's `samples` say.
    """

    asks: ClassVar[bool] = False
    gives_text: ClassVar[bool] = False

    file: str | None = None
    """JSON lines, CSV or Parquet; without it, the votes are columns of the input."""
    id: str = "id"
    """The file's key that says which row a line is about."""
    match: Literal["id", "row_id", "sample_id"] = "id"
    """What that key holds: the record's own id, or ours."""
    where: dict[str, str | bool | float] = {}
    """Take only lines with these values, such as `{judge: gpt-4}`."""
    columns: list[str] = Field(min_length=1)
    """The keys of a line, or columns of the input (`meta.<name>`), that hold the vote."""
    table: list[list[str]] = Field(min_length=1)
    """Lines of one pattern a column, then the vote; the first that fits decides."""
    reason: str | None = None
    """The key that holds the reason."""
    score: str | None = None
    """The key that holds a score."""
    _lines: dict[str, list[Verdict | str]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _table_fits(self) -> Self:
        DecisionTable(columns=self.columns, table=self.table)
        return self

    def located(self, folder: Path, model: str) -> Self:
        """Return it with the file's votes read."""
        if self.file is not None:
            path = folder / self.file
            try:
                for place, line in _lines(path):
                    self._keep(place, line)
            except InputError as error:
                raise ConfigError([Mistake(self.file, 0, "file", str(error))]) from None
        return self

    def verdicts(self, row: Row) -> list[Verdict]:
        """Return what was recorded about a row; nothing if nothing was.

        Raises:
            LookupError: A recorded value is no vote.
        """
        if self.file is None:
            values = {name: column_value(row, name) for name in (*self.columns, *self._told())}
            found = self._verdict(values)
            return [found] if found else []
        native = row.row_id.partition("#")[2]
        key = {"id": native, "row_id": row.row_id, "sample_id": row.sample_id}[self.match]
        recorded = self._lines.get(key, [])
        for one in recorded:
            if isinstance(one, str):
                raise LookupError(one)
        return [one for one in recorded if isinstance(one, Verdict)]

    def _told(self) -> list[str]:
        return [name for name in (self.reason, self.score) if name]

    def _keep(self, place: str, line: Mapping[str, Any]) -> None:
        if any(line.get(key) != value for key, value in self.where.items()):
            return
        if line.get(self.id) is None:
            raise InputError(f"{place}: has no {self.id!r}")
        try:
            found: Verdict | str | None = self._verdict(line)
        except LookupError as error:
            found = f"{place}: {error.args[0]}"
        if found is not None:
            self._lines.setdefault(str(line[self.id]), []).append(found)

    def _verdict(self, values: Mapping[str, Any]) -> Verdict | None:
        table = DecisionTable(columns=self.columns, table=self.table)
        vote = table.vote_on([values.get(name) for name in self.columns])
        if vote is None:
            return None
        told = ", ".join(f"{name} = {values.get(name)}" for name in self.columns)
        reason = values.get(self.reason) if self.reason else None
        score = values.get(self.score) if self.score else None
        cause = None if vote else "said_abstain"
        return Verdict(vote, str(reason) if reason is not None else told, _number(score), cause)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise LookupError(f"{value!r} is no score") from None


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the lines of a file, each with its place.

    Raises:
        InputError: The file is missing or no table.
    """
    try:
        if path.suffix == ".parquet":
            for number, record in enumerate(pq.read_table(path).to_pylist(), start=1):
                yield f"{path}:{number}", record
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                for number, record in enumerate(csv.DictReader(file), start=2):
                    yield f"{path}:{number}", record
        else:
            with path.open(encoding="utf-8-sig") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield f"{path}:{number}", _object(path, number, line)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{path}:{number}: should be a JSON object")
    return value
