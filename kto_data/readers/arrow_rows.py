"""Parquet files to rows without making Python objects of them: for files of the usual shape, a batch at a time.

The rows are those of `read_records`. A row that is not of the usual shape (a null, a blank prompt, an
unknown role) goes through the same code as there, alone, and is quarantined by it where it has to be.
"""

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from kto_data.readers.arrow_messages import MessageColumn
from kto_data.readers.columns import as_name
from kto_data.readers.containers.parquet import as_records, is_json
from kto_data.readers.inputs import InputFile
from kto_data.readers.meta import Shape
from kto_data.readers.record import Defect, Unreadable, excerpt
from kto_data.readers.rows import RowMaker
from kto_data.schema import MESSAGES

_MESSAGE_KEYS = {"role", "content"}
_UNUSUAL = ("messages", "conversations", "system", "next_turn")
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
        prompt = MessageColumn(batch.column(keys.prompt), "user")
        completion = MessageColumn(batch.column(keys.completion), "assistant")
        usual = prompt.usual & completion.usual & completion.answers & _is_valid(batch)
        if usual.all():
            return self._usual_rows(batch, before, prompt, completion), []
        places = np.flatnonzero(usual)
        chosen = batch.take(pa.array(places))
        if len(places):
            asked, answered = (
                MessageColumn(chosen.column(keys.prompt), "user"),
                MessageColumn(chosen.column(keys.completion), "assistant"),
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
        prompt: MessageColumn,
        completion: MessageColumn,
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


def _is_valid(batch: pa.RecordBatch) -> bool:
    """Whether all texts of a batch are UTF-8."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


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
    if not all(is_json(field.type) or pa.types.is_timestamp(field.type) for field in schema):
        return False  # some of their values cannot be converted, which only the readers notice
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
            try:
                texts = [text.encode() for text in ids.to_pylist()]
            except UnicodeDecodeError:
                return False
            if b"" in texts:
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
