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
    values = [column_value(row, name) for row in rows]
    if not name.startswith("meta."):
        return pa.array(values, pa.string())
    meta_type = rows[0].meta_type
    return pa.array(values, _type_at(meta_type, name) if meta_type is not None else None)


def _type_at(meta_type: pa.StructType, name: str) -> pa.DataType:
    found: pa.DataType = meta_type
    for part in name.split(".")[1:]:
        index = found.get_field_index(part) if pa.types.is_struct(found) else -1
        if index < 0:
            return pa.null()
        found = found.field(index).type
    return found
