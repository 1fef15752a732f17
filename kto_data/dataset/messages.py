"""Message lists as a dataset stores them: role and content, and a rarer field only where the dataset has one.

Chat templates test whether a message has a key, so a field that is null everywhere is better absent.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kto_data.schema import MESSAGE

RARE_FIELDS = tuple(field.name for field in MESSAGE if field.nullable)
"""`reasoning`, `tool_calls` and `name`."""


def used_rare_fields(connection: duckdb.DuckDBPyConnection, view: str) -> tuple[str, ...]:
    """Return the rare message fields that any prompt or completion of a view has."""
    has = ", ".join(
        "coalesce(bool_or(len(list_filter(list_concat(prompt, completion), "
        f"lambda message: message.{name} IS NOT NULL)) > 0), false)"
        for name in RARE_FIELDS
    )
    [found] = connection.execute(f"SELECT {has} FROM {view}").fetchall()  # noqa: S608 - names of ours
    return tuple(name for name, used in zip(RARE_FIELDS, found, strict=True) if used)


def messages_type(rare_fields: Sequence[str]) -> pa.DataType:
    """Return the type of `prompt` and `completion` with these rare fields.

    >>> [field.name for field in messages_type(["name"]).value_type]
    ['role', 'content', 'name']
    """
    kept = [field for field in MESSAGE if not field.nullable or field.name in rare_fields]
    return pa.list_(pa.struct(kept))


def narrow_messages(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Return a column of message lists with only the fields of the target type."""
    return pa.chunked_array([_narrow(chunk, target) for chunk in column.chunks], type=target)


def _narrow(chunk: pa.Array, target: pa.ListType) -> pa.Array:
    message = target.value_type
    flat = chunk.flatten()
    ends = pc.cumulative_sum(pc.list_value_length(chunk)).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    structs = pa.StructArray.from_arrays(
        [flat.field(field.name).cast(field.type) for field in message], fields=list(message)
    )
    return pa.ListArray.from_arrays(offsets, structs, type=target)
