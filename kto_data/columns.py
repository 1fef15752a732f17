"""Columns of `rows` that a user may name: `prompt_id`, `source`, `meta.user`."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kto_data.errors import InputError, did_you_mean


def check_group_column(name: str, columns: Sequence[str]) -> str:
    """Return `name` if it is one of the columns or names a column of `meta`.

    Raises:
        ValueError: It is neither; the message suggests what was meant.

    >>> check_group_column("meta.user", ["prompt_id", "source"])
    'meta.user'
    >>> check_group_column("promt_id", ["prompt_id", "source"])
    Traceback (most recent call last):
        ...
    ValueError: 'promt_id' is not a column to group by (prompt_id, source or meta.NAME); did you mean 'prompt_id'?
    """
    if name in columns or (name.startswith("meta.") and len(name) > len("meta.")):
        return name
    suggestion = did_you_mean(name, columns).partition("; known")[0]
    raise ValueError(f"{name!r} is not a column to group by ({', '.join(columns)} or meta.NAME){suggestion}")


def group_sql(name: str, rows: pa.Schema) -> str:
    """Return the SQL expression of a group column as text.

    Args:
        name: A column that `check_group_column` has accepted. A dot after `meta.` is part of a name if there is
            such a name, else it steps into a struct.
        rows: The schema of the rows file.

    Raises:
        InputError: This input's `meta` has no such column; only the data tells.
    """
    top, _, rest = name.partition(".")
    path, kind = [top], rows.field(top).type
    while rest:
        known = [field.name for field in kind] if pa.types.is_struct(kind) else []
        part, _, deeper = (rest, "", "") if rest in known else rest.partition(".")
        if part not in known:
            raise InputError(f"the input has no column {name!r}{_columns_of(rows, name)}")
        path.append(part)
        kind, rest = kind.field(part).type, deeper
    return f"CAST({'.'.join(_quoted(part) for part in path)} AS VARCHAR)"


def _columns_of(rows: pa.Schema, name: str) -> str:
    known = [f"meta.{field.name}" for field in rows.field("meta").type if field.name != "none"]
    return did_you_mean(name, known) or "; the records of this input carry no metadata"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_values(batch: pa.RecordBatch | pa.Table, column: str) -> list[Any]:
    """Return the values of a column of `rows`, or of one of its metadata columns (`meta.<name>`).

    Raises:
        InputError: There is no such column; the message suggests one.
    """
    name, _, field = column.partition(".")
    meta = [f"meta.{child.name}" for child in batch.schema.field("meta").type if child.name != "none"]
    known = [name for name in batch.schema.names if name != "meta"] + meta
    if column not in known:
        raise InputError(f"the input has no column {column!r}{did_you_mean(column, known)}")
    values = batch.column(name)
    found: list[Any] = (pc.struct_field(values, field) if field else values).to_pylist()
    return found
