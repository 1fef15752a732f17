"""Parquet files to rows without making Python objects of them: for files of the usual shape, a batch at a time.

The rows are those of `read_records`. A row that is not of the usual shape (a null, a blank prompt, an
unknown role) goes through the same code as there, alone, and is quarantined by it where it has to be.
"""

import itertools
import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from kto_data.readers.columns import as_name
from kto_data.readers.containers.parquet import as_records
from kto_data.readers.inputs import InputFile
from kto_data.readers.messages import ROLES
from kto_data.readers.meta import Shape
from kto_data.readers.record import Defect, Unreadable, excerpt
from kto_data.readers.rows import RowMaker
from kto_data.schema import MESSAGES

_MESSAGE_KEYS = {"role", "content"}
_UNUSUAL = ("messages", "system", "next_turn")
_NAMES = ("model", "finish_reason")
_COLUMNS = ("row_id", "sample_id", "prompt", "completion", "source", *_NAMES)


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """A Parquet file that can be read so.

    Attributes:
        file: The file.
        meta: The metadata columns that are wanted, with their types.
    """

    file: InputFile
    meta: tuple[tuple[str, pa.DataType], ...]
    _schema: pa.Schema = field(repr=False)

    @classmethod
    def of(cls, file: InputFile, reads: Collection[str]) -> "ArrowRows | None":
        """Return the file, None if it has to be read record by record.

        Args:
            file: An input.
            reads: The scopes and columns of rows that are wanted: `completion`, `model`, `meta.user`.
        """
        if file.container != "parquet" or file.file is None:
            return None
        try:
            with pq.ParquetFile(file.path) as parquet:
                schema = parquet.schema_arrow
                usual = _is_usual(file, schema) and _ids_are_unique(file, parquet)
        except (pa.ArrowException, OSError):
            return None
        meta = _meta(file, schema, reads)
        return cls(file, meta, _rows_schema(meta)) if usual and meta is not None else None

    def all_meta(self) -> dict[str, pa.DataType]:
        """Return the columns that are metadata, wanted or not."""
        used = set(self.file.entry.columns.model_dump().values())
        schema = pq.read_schema(self.file.path)
        return {field.name: field.type for field in schema if field.name not in used}

    def rows(self, batch: pa.RecordBatch, before: int) -> tuple[pa.RecordBatch, list[dict[str, Any]]]:
        """Return the rows of a batch of the file, and of what could not be read a line for the table QUARANTINED.

        Args:
            batch: Records, with all columns.
            before: How many there are before it in the file.
        """
        keys = self.file.entry.columns
        prompt = _Column(batch.column(keys.prompt), "user")
        completion = _Column(batch.column(keys.completion), "assistant")
        usual = prompt.usual & completion.usual & completion.answers
        if usual.all():
            return self._usual_rows(batch, before, prompt, completion), []
        places = np.flatnonzero(usual)
        chosen = batch.take(pa.array(places))
        if len(places):
            asked, answered = (
                _Column(chosen.column(keys.prompt), "user"),
                _Column(chosen.column(keys.completion), "assistant"),
            )
            rows = [self._usual_rows(chosen, before, asked, answered, places)]
        else:
            rows = []
        unreadable = []
        for place in np.flatnonzero(~usual).tolist():
            row = self._one(batch, place, before)
            if isinstance(row, dict):
                unreadable.append(row)
            else:
                rows.append(row)
                places = np.append(places, place)
        table = pa.Table.from_batches(rows, schema=self._schema).take(pa.array(np.argsort(places)))
        whole = table.combine_chunks().to_batches()
        return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=self._schema), unreadable

    def _usual_rows(
        self,
        batch: pa.RecordBatch,
        before: int,
        prompt: "_Column",
        completion: "_Column",
        places: "np.typing.NDArray[np.int64] | None" = None,
    ) -> pa.RecordBatch:
        names, n = batch.schema.names, batch.num_rows
        keys = self.file.entry.columns
        numbers = np.arange(n) if places is None else places
        native = batch.column(keys.id) if keys.id in names else pa.array(numbers + (before + 1))
        sample_ids = [
            xxhash.xxh3_128_hexdigest(b"".join((b"[[", asked, b"],[", answered, b"]]")))
            for asked, answered in zip(prompt.canonical(), completion.canonical(), strict=True)
        ]
        columns = {
            "row_id": pc.binary_join_element_wise(
                pa.scalar(f"{self.file.source}#"), native.cast(pa.string()), pa.scalar("")
            ),
            "sample_id": pa.array(sample_ids),
            "prompt": prompt.messages(),
            "completion": completion.messages(),
            "source": pa.repeat(pa.scalar(self.file.source), n),
        }
        for name in _NAMES:
            key = getattr(keys, name)
            columns[name] = _names(batch.column(key)) if key in names else pa.nulls(n, pa.string())
        if self.meta:
            arrays = [batch.column(name).cast(kind) for name, kind in self.meta]
            columns["meta"] = pa.StructArray.from_arrays(arrays, fields=list(self._schema.field("meta").type))
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=self._schema)

    def _one(self, batch: pa.RecordBatch, place: int, before: int) -> pa.RecordBatch | dict[str, Any]:
        """Return one row as `read_records` makes it, or why it has none."""
        [record] = as_records(batch.slice(place, 1), before + place)
        if isinstance(record, Unreadable):
            return self._quarantined(record)
        maker = RowMaker(self.file.entry, self.file.source, Shape(), Counter())
        try:
            row, _ = maker.make(record)
        except Defect as defect:
            shown = json.dumps(record.value, ensure_ascii=False)
            return self._quarantined(Unreadable(record.number, defect.reason, defect.detail, excerpt(shown)))
        values = {name: row[name] for name in self._schema.names if name != "meta"}
        if self.meta:
            values["meta"] = {name: record.value.get(name) for name, _ in self.meta}
        return pa.RecordBatch.from_pylist([values], schema=self._schema)

    def _quarantined(self, item: Unreadable) -> dict[str, Any]:
        about = {"reason": item.reason, "detail": item.detail, "excerpt": item.excerpt}
        return {"file": self.file.name, "record": item.number, **about}


class _Column:
    """A column of prompts or completions: texts, or lists of messages.

    Attributes:
        usual: Where nothing is missing, every role is known, and some message says something.
        answers: Where a message of an assistant says something; for prompts, the same as `usual`.
    """

    def __init__(self, array: pa.Array, role: str) -> None:
        self._n = len(array)
        self._role = role
        self._is_text = not pa.types.is_list(array.type)
        if self._is_text:
            self._contents, self._edges = _small(array), np.arange(self._n + 1, dtype=np.int32)
            self._present = array.is_valid()
        else:
            offsets = np.asarray(array.offsets)
            messages = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
            self._contents = _small(messages.field("content"))
            self._present = messages.is_valid()
            self._edges = (offsets - offsets[0]).astype(np.int32)
            self._roles = _small(messages.field("role"))
        self._views = _views(self._contents)
        self.usual, self.answers = self._checked(array)

    def _checked(self, array: pa.Array) -> "tuple[np.typing.NDArray[np.bool_], np.typing.NDArray[np.bool_]]":
        valid = np.asarray(pc.and_(self._contents.is_valid(), self._present))
        says = np.fromiter(map(_is_visible, self._views), dtype=bool, count=len(self._views)) & valid
        valid = valid & _is_utf8(self._contents, self._views)
        if self._is_text:
            return valid & says, np.ones(self._n, dtype=bool)
        roles = pc.is_in(self._roles, value_set=pa.array(ROLES))
        valid &= np.asarray(roles)
        assistant = np.asarray(pc.equal(self._roles, "assistant").fill_null(False))
        usual = np.asarray(array.is_valid()) & (self._each(~valid) == 0) & (self._each(says) > 0)
        return usual, self._each(says & assistant) > 0 if self._role == "assistant" else usual

    def _each(self, marks: "np.typing.NDArray[np.bool_]") -> "np.typing.NDArray[np.int64]":
        before = np.concatenate([[0], np.cumsum(marks)])
        return np.diff(before[self._edges])

    def messages(self) -> pa.Array:
        """Return the column as conversations."""
        roles = pa.repeat(pa.scalar(self._role), self._n) if self._is_text else self._roles
        nulls = pa.nulls(len(self._contents), pa.string())
        children = [roles, self._contents, nulls, nulls, nulls]
        structs = pa.StructArray.from_arrays(children, fields=list(MESSAGES.value_type))
        return pa.ListArray.from_arrays(pa.array(self._edges), structs).cast(MESSAGES)

    def canonical(self) -> Iterator[bytes]:
        """Yield each conversation as the canonical JSON of its messages, as `content_id` has it."""
        odd = _odd_controls(self._contents)
        if self._is_text:
            end = f'","role":"{self._role}"}}'.encode()
            for place, view in enumerate(self._views):
                yield b'{"content":"' + _escaped(view, place in odd) + end
            return
        roles = [f'","role":"{role}"}}'.encode() for role in self._roles.to_pylist()]
        whole = [
            b'{"content":"' + _escaped(view, place in odd) + roles[place]
            for place, view in enumerate(self._views)
        ]
        edges = self._edges.tolist()
        for start, end_ in itertools.pairwise(edges):
            yield b",".join(whole[start:end_])


def _views(array: pa.Array) -> list[memoryview]:
    _, offsets, data = array.buffers()
    if not len(array):
        return []
    edges = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    return [view[start:end] for start, end in itertools.pairwise(edges)]


def _small(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


def _is_visible(view: memoryview) -> bool:
    """Whether a text surely says something; that of one that begins with a space or a rare character is looked at."""
    if len(view) and 32 < view[0] < 127:
        return True
    return bool(str(view, "utf-8", "replace").strip())


def _is_utf8(array: pa.Array, views: list[memoryview]) -> "np.typing.NDArray[np.bool_] | bool":
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return np.fromiter(map(_decodes, views), dtype=bool, count=len(views))
    return True


def _decodes(view: memoryview) -> bool:
    try:
        str(view, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _odd_controls(array: pa.Array) -> set[int]:
    """Return the places of the texts with control characters other than line ends."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return set()
    edges = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, dtype=np.uint8)[edges[0] : edges[-1]]
    odd = np.flatnonzero((text < 32) & (text != 10)) + edges[0]
    return set((np.searchsorted(edges, odd, side="right") - 1).tolist())


def _escaped(view: memoryview, odd: bool) -> bytes:
    """Return a text as JSON has it between its quotes."""
    if odd:
        return json.dumps(str(view, "utf-8"), ensure_ascii=False)[1:-1].encode()
    return bytes(view).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")


def _names(array: pa.Array) -> pa.Array:
    """Return a column as `as_name` has each of its values."""
    if pa.types.is_string(array.type):
        return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    return pa.array([as_name(value) for value in array.to_pylist()], type=pa.string())


def _rows_schema(meta: tuple[tuple[str, pa.DataType], ...] | None) -> pa.Schema:
    fields = [(name, MESSAGES if name in ("prompt", "completion") else pa.string()) for name in _COLUMNS]
    return pa.schema([*fields, ("meta", pa.struct(list(meta)))] if meta else fields)


def _is_usual(file: InputFile, schema: pa.Schema) -> bool:
    """Whether every record has a prompt and a completion of its own and nothing else that becomes messages."""
    keys: dict[str, str] = file.entry.columns.model_dump()
    known = set(schema.names)
    if file.entry.format not in ("auto", "prompt_completion") or len(known) != len(schema.names):
        return False
    if any(keys[name].partition(".")[0] in known for name in _UNUSUAL):
        return False
    if not {keys["prompt"], keys["completion"]} <= known or any(
        "." in key and key not in known for key in keys.values()
    ):
        return False
    ids = schema.field(keys["id"]).type if keys["id"] in known else pa.string()
    if not (pa.types.is_string(ids) or pa.types.is_integer(ids)):
        return False
    return all(_holds_messages(schema.field(keys[name]).type) for name in ("prompt", "completion"))


def _holds_messages(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        members = {member.name: member.type for member in kind.value_type}
        return members.keys() == _MESSAGE_KEYS and all(map(_is_text, members.values()))
    return _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _ids_are_unique(file: InputFile, parquet: pq.ParquetFile) -> bool:
    """Whether the ids can be taken as they are; keeps 8 bytes a record unless they rise."""
    name = file.entry.columns.id
    if name not in parquet.schema_arrow.names:
        return True
    hashes: list[Any] = []
    rising, last = True, None
    for batch in parquet.iter_batches(65_536, columns=[name], use_threads=False):
        ids = batch.column(0)
        if ids.null_count:
            return False
        if pa.types.is_integer(ids.type):
            values = np.asarray(ids.cast(pa.int64()))
            rising &= bool((values[1:] > values[:-1]).all()) and (
                last is None or not len(values) or values[0] > last
            )
            last = values[-1] if len(values) else last
        else:
            texts = ids.to_pylist()
            if "" in texts:
                return False
            rising, values = (
                False,
                np.array([xxhash.xxh3_64_intdigest(text) for text in texts], dtype=np.uint64),
            )
        hashes.append(values)
    found = np.concatenate(hashes) if hashes else np.zeros(0)
    return rising or len(np.unique(found)) == len(found)


def _meta(
    file: InputFile, schema: pa.Schema, reads: Collection[str]
) -> tuple[tuple[str, pa.DataType], ...] | None:
    """Return the metadata columns that are wanted, with the types that rows have; None if one is not plain."""
    keys = set(file.entry.columns.model_dump().values())
    meta = []
    for name in sorted({read.split(".")[1] for read in reads if read.startswith("meta.")}):
        if name in keys:
            return None  # only what has no other use is metadata, and that can differ from record to record
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        if pa.types.is_string(kind) or pa.types.is_boolean(kind):
            meta.append((name, kind))
        elif pa.types.is_integer(kind) and kind != pa.uint64():
            meta.append((name, pa.int64()))
        elif pa.types.is_floating(kind):
            meta.append((name, pa.float64()))
        else:
            return None
    return tuple(meta)
