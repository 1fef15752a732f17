"""The texts of a scope in a batch of rows, without making Python objects of them where that can be helped."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kto_data.labelers.rules.fast.evidence import Bools, Ints
from kto_data.labelers.rules.row import Row, column_value, scope_text, value_text

_SYSTEM = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a scope.

    Attributes:
        rows: The rows that have one, ascending.
        texts: Their texts as UTF-8.
    """

    rows: Ints
    texts: list[memoryview]


def scope_texts(batch: pa.RecordBatch, scope: str, rows: Callable[[], Iterable[Row]]) -> Texts:
    """Return the texts of a scope.

    Args:
        batch: Rows with the schema of `rows_schema`.
        scope: Its name.
        rows: Gives the rows as objects, for what has no quicker way.
    """
    if scope.startswith("meta."):
        return _of_strings([value_text(value) for value in column_list(batch, scope)])
    found = _QUICK[scope](batch) if scope in _QUICK else None
    if found is None:
        return _of_strings([scope_text(row, scope) for row in rows()])
    return found


def column_list(batch: pa.RecordBatch, column: str) -> list[Any]:
    """Return the values of a column as `column_value` gives them for each row."""
    name, _, path = column.partition(".")
    if name not in batch.schema.names:
        return [None] * batch.num_rows
    array = batch.column(name)
    if not path:
        return list(array.to_pylist())
    values = pc.struct_field(array, path.split(".")[0]) if _has(array.type, path.split(".")[0]) else None
    if values is None:
        return [None] * batch.num_rows
    first, *rest = path.split(".")
    if not rest:
        return list(values.to_pylist())
    return [column_value(Row(meta={first: value}), column) for value in values.to_pylist()]


def _has(kind: pa.DataType, name: str) -> bool:
    return bool(pa.types.is_struct(kind) and kind.get_field_index(name) >= 0)


def _of_strings(texts: list[str | None]) -> Texts:
    rows = [row for row, text in enumerate(texts) if text is not None]
    encoded = [memoryview(text.encode()) for text in texts if text is not None]
    return Texts(np.array(rows, dtype=np.int64), encoded)


def views(array: pa.Array) -> list[memoryview]:
    """Return the texts of an array of strings without nulls, where they lie."""
    if pa.types.is_large_string(array.type):
        kind: type[np.signedinteger[Any]] = np.int64
    else:
        kind = np.int32
    _, offsets, data = array.buffers()
    if offsets is None or not len(array):
        return [memoryview(b"")] * len(array)
    edges = np.frombuffer(offsets, dtype=kind)[array.offset : array.offset + len(array) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    return [view[start:end] for start, end in pairwise(edges)]


class _Messages:
    """A column of conversations, its messages in one row of arrays."""

    def __init__(self, column: pa.ListArray) -> None:
        offsets = np.asarray(column.offsets).astype(np.int64)
        first, last = int(offsets[0]), int(offsets[-1])
        messages = column.values.slice(first, last - first)
        self.edges = offsets - first
        self.n = np.diff(self.edges)
        self.roles = messages.field("role")
        self.contents = messages.field("content")

    def of_role(self, *roles: str) -> tuple[Ints, Ints]:
        """Return the places of the messages of these roles, and the row of each."""
        marked = np.asarray(pc.is_in(self.roles, value_set=pa.array(roles)))
        places = np.flatnonzero(marked)
        return places, np.searchsorted(self.edges, places, side="right") - 1

    def joined(self) -> pa.Array:
        """Return each row's messages as one text, a blank line between."""
        if (self.n == 1).all():
            return self.contents
        offsets = pa.array(self.edges.astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, self.contents), "\n\n")


def _messages(batch: pa.RecordBatch, name: str) -> _Messages | None:
    """Return a column of conversations; None if it is not stored as usual."""
    index = batch.schema.get_field_index(name)
    if index < 0:
        return None
    column = batch.column(index)
    if not pa.types.is_list(column.type) or column.null_count:
        return None
    found = _Messages(column)
    usual = pa.types.is_string(found.contents.type) and pa.types.is_string(found.roles.type)
    return found if usual and not (found.contents.null_count or found.roles.null_count) else None


def _whole(name: str) -> Callable[[pa.RecordBatch], Texts | None]:
    def texts(batch: pa.RecordBatch) -> Texts | None:
        messages = _messages(batch, name)
        return None if messages is None else _everywhere(messages.joined())

    return texts


def _everywhere(texts: pa.Array) -> Texts:
    return Texts(np.arange(len(texts)), views(texts))


def _user(name: str, *, last: bool) -> Callable[[pa.RecordBatch], Texts | None]:
    def texts(batch: pa.RecordBatch) -> Texts | None:
        messages = _messages(batch, name)
        if messages is None:
            return None
        places, rows = messages.of_role("user")
        chosen = np.ones(len(rows), dtype=bool)
        if last:
            chosen[:-1] = rows[1:] != rows[:-1]
        else:
            chosen[1:] = rows[1:] != rows[:-1]
        return Texts(rows[chosen], views(messages.contents.take(pa.array(places[chosen]))))

    return texts


def _system(batch: pa.RecordBatch) -> Texts | None:
    messages = _messages(batch, "prompt")
    if messages is None:
        return None
    places, rows = messages.of_role(*_SYSTEM)
    if (rows[1:] == rows[:-1]).any():  # several are joined; too rare to be quick about
        return None
    return Texts(rows, views(messages.contents.take(pa.array(places))))


def _conversation(batch: pa.RecordBatch) -> Texts | None:
    prompt, completion = _messages(batch, "prompt"), _messages(batch, "completion")
    if prompt is None or completion is None or not (prompt.n.all() and completion.n.all()):
        return None
    return _everywhere(pc.binary_join_element_wise(prompt.joined(), completion.joined(), "\n\n"))


def _answer(batch: pa.RecordBatch) -> Texts | None:
    completion = _messages(batch, "completion")
    if completion is None:
        return None
    texts = views(completion.joined())
    for row, text in enumerate(texts):
        if _may_change(text):
            message = {"role": "assistant", "content": str(text, "utf-8")}
            texts[row] = memoryview(str(scope_text(Row(completion=[message]), "answer")).encode())
    return Texts(np.arange(len(texts)), texts)


def _may_change(text: memoryview) -> "Bools | bool":
    """Whether a text has a tag that could open its reasoning, or white space at an end."""
    if not len(text):
        return False
    raw = bytes(text)
    first, last = raw[0], raw[-1]
    return not (32 < first < 128 and 32 < last < 128) or b"<" in raw


_QUICK: Mapping[str, Callable[[pa.RecordBatch], Texts | None]] = {
    "completion": _whole("completion"),
    "answer": _answer,
    "prompt": _whole("prompt"),
    "system": _system,
    "first_user": _user("prompt", last=False),
    "last_user": _user("prompt", last=True),
    "conversation": _conversation,
}
