"""Rows as objects, made only where a check looks at them."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from kto_data.labelers.rules.fast.evidence import Ints
from kto_data.labelers.rules.row import Row, rows_of

_FEW, _MANY = 16, 256


class BatchRows:
    """The rows of a batch, each made at most once."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._made: dict[int, Row] = {}

    def at(self, index: int) -> Row:
        """Return a row; after a few of them, those around it are made with it."""
        if index not in self._made:
            start = index if len(self._made) < _FEW else index // _MANY * _MANY
            end = index + 1 if len(self._made) < _FEW else start + _MANY
            for place, row in enumerate(rows_of(self._batch.slice(start, end - start)), start):
                self._made.setdefault(place, row)
        return self._made[index]

    def some(self, indices: Ints) -> list[Row]:
        """Return the rows at these places."""
        missing = [int(index) for index in indices if int(index) not in self._made]
        if missing:
            chosen = self._batch.take(pa.array(missing, type=pa.int64()))
            self._made.update(zip(missing, rows_of(chosen), strict=True))
        return [self._made[int(index)] for index in indices]

    def all(self) -> Sequence[Row]:
        """Return every row."""
        return self.some(np.arange(self._batch.num_rows))

    def lazy(self, index: int) -> Row:
        """Return a row that is made when one of its values is asked for."""
        return _lazy(self, index)


class _Later:
    """A row's place in its batch."""

    __slots__ = ("index", "rows")

    def __init__(self, rows: BatchRows, index: int) -> None:
        self.rows = rows
        self.index = index


def _value(name: str) -> property:
    def value(self: Any) -> Any:
        return getattr(self._later.rows.at(self._later.index), name)

    return property(value)


def _reduce(self: Any) -> tuple[Any, ...]:
    """Pickle the row itself: a check may hand it to another process."""
    row = self._later.rows.at(self._later.index)
    return Row, tuple(getattr(row, field.name) for field in fields(Row))


_LazyRow = type(
    "_LazyRow",
    (Row,),
    {
        "__slots__": ("_later",),
        "__reduce__": _reduce,
        **{each.name: _value(each.name) for each in fields(Row)},
    },
)


def _lazy(rows: BatchRows, index: int) -> Row:
    row: Row = object.__new__(_LazyRow)
    object.__setattr__(row, "_later", _Later(rows, index))
    return row


def row_groups(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Yield rows in groups of at most `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
