"""Columns of rows as Arrow arrays, with the types that they have in the run."""

from collections.abc import Sequence

import pyarrow as pa

from kto_data.labelers.rules.row import SCOPES, Row, column_value, scope_text


def batches(rows: Sequence[Row]) -> list[slice]:
    """Return the parts of the rows that have one type each: all of them, unless some are from no table."""
    if len({row.meta_type for row in rows}) == 1 and rows[0].meta_type is not None:
        return [slice(0, len(rows))]
    return [slice(n, n + 1) for n in range(len(rows))]


def column_array(name: str, rows: Sequence[Row]) -> pa.Array:
    """Return a column such as `meta.user.plan` or `finish_reason`, or the texts of a scope, in rows of one type.

    It has the same type in any part of the rows, also where all its values are null; a column of `meta` that
    the rows do not have is all null.
    """
    if name in SCOPES:
        return pa.array([scope_text(row, name) for row in rows], pa.string())
    meta_type = rows[0].meta_type
    kind = column_type(name, meta_type) if meta_type is not None or not name.startswith("meta.") else None
    return pa.array([column_value(row, name) for row in rows], kind)


def column_type(name: str, meta_type: pa.StructType | None) -> pa.DataType:
    """Return the type of a column in rows whose metadata has a type; null for a column that they do not have."""
    if not name.startswith("meta."):
        return pa.string()
    found: pa.DataType = meta_type
    for part in name.split(".")[1:]:
        index = found.get_field_index(part) if found is not None and pa.types.is_struct(found) else -1
        if index < 0:
            return pa.null()
        found = found.field(index).type
    return found
