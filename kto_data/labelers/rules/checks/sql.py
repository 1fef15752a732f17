"""Whether a SQL expression over a row's columns is true."""

import os
import re
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import field_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.sql_expression import Expression, read_expression
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import SCOPES, Row, column_value, scope_text

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",
    "memory_limit": "1GB",
    "threads": "1",
}
_local = threading.local()


@CHECKS.register("sql")
class Sql(Check):
    """A SQL expression is true: `sql: "meta.rating <= 2 AND finish_reason = 'stop'"`.

    One boolean expression in DuckDB's SQL, also good in `when`. Its columns are `meta.<column>` with their own
    types, `finish_reason`, `model`, `source`, and the scopes (`completion`, `answer`, `last_user`, ...), each the
    text that the scope stands for; whatever the rule's `scope` is. Where the expression is NULL, because a
    column is, the check is not applicable.

    It may compare and calculate, and use functions on texts, numbers, lists and times that look at their
    arguments alone; no queries, no files, no settings, nothing of today or by chance. Patterns are RE2's.
    An expression that fails on a row, such as a cast of a text that is no number, is a fault there; `TRY_CAST`
    makes it NULL.
    """

    short: ClassVar[str | None] = "expression"
    fixed: ClassVar[frozenset[str]] = frozenset({"expression"})
    reads_text: ClassVar[bool] = False
    batched: ClassVar[bool] = True

    expression: str
    """The expression."""

    @field_validator("expression")
    @classmethod
    def _allowed(cls, expression: str) -> str:
        read_expression(expression)
        return expression

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the expression is true in the row."""
        (found,) = self.decide_batch([text], [context])
        if isinstance(found, Exception):
            raise found
        return found

    def decide_batch(self, texts: Sequence[str], contexts: Sequence[Context]) -> list[Found | Exception]:
        """Return what the expression is in each row, evaluated over all of them at once."""
        expression = read_expression(self.expression)
        rows = [context.row for context in contexts]
        if len({row.meta_type for row in rows}) <= 1 and (not rows or rows[0].meta_type is not None):
            return _evaluated(expression, rows)
        # rows that were not read from one table have no type in common
        return [found for row in rows for found in _evaluated(expression, [row])]

    def reads(self) -> frozenset[str]:
        """Return the expression's columns."""
        return frozenset(read_expression(self.expression).columns)


def _evaluated(expression: Expression, rows: Sequence[Row]) -> list[Found | Exception]:
    """Return what an expression is in rows with one type; halve them until those that fail are alone."""
    import duckdb

    if not rows:
        return []
    try:
        values = _values(expression, rows)
    except RowError as error:
        return [error] * len(rows)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        return [RowError(_told(error, expression))] * len(rows)  # about types: the same in every row
    except (duckdb.Error, pa.ArrowException) as error:
        if len(rows) == 1:
            return [RowError(_told(error, expression))]
        half = len(rows) // 2
        return _evaluated(expression, rows[:half]) + _evaluated(expression, rows[half:])
    return [Found(value) for value in values]


def _values(expression: Expression, rows: Sequence[Row]) -> list[bool | None]:
    table = pa.table(
        {"n": pa.array(range(len(rows)), pa.int64())}
        | {f"c{n}": _column(name, rows) for n, name in enumerate(expression.columns)}
    )
    result = _connection().from_arrow(table).project(f"{expression.sql} AS holds").to_arrow_table()
    column = result.column(0)
    if not (pa.types.is_boolean(column.type) or pa.types.is_null(column.type)):
        raise RowError(f"the SQL is not true or false but of the type {column.type}")
    values: list[bool | None] = column.to_pylist()
    return values


def _column(name: str, rows: Sequence[Row]) -> pa.Array:
    if name in SCOPES:
        return pa.array([scope_text(row, name) for row in rows], pa.string())
    values = [column_value(row, name) for row in rows]
    if not name.startswith("meta."):
        return pa.array(values, pa.string())
    meta_type = rows[0].meta_type
    return pa.array(values, _type_at(meta_type, name) if meta_type is not None else None)


def _type_at(meta_type: pa.StructType, name: str) -> pa.DataType:
    """Return the type of a column of `meta`, null where the rows have no such column."""
    found: pa.DataType = meta_type
    for part in name.split(".")[1:]:
        index = found.get_field_index(part) if pa.types.is_struct(found) else -1
        if index < 0:
            return pa.null()
        found = found.field(index).type
    return found


def _connection() -> Any:
    """Return this thread's DuckDB, which can reach nothing and whose settings cannot be changed."""
    import duckdb

    if getattr(_local, "pid", None) != os.getpid():  # a forked process may not use its parent's
        con = duckdb.connect(":memory:", config=_SETTINGS)
        con.execute("SET TimeZone = 'UTC'")  # not the machine's
        con.execute("SET lock_configuration = true")
        _local.con, _local.pid = con, os.getpid()
    return _local.con


def _told(error: Exception, expression: Expression) -> str:
    """Return the first line of DuckDB's message, with the columns' own names."""
    line = str(error).strip().partition("\n")[0][:200]
    names = {f"c{n}": name for n, name in enumerate(expression.columns)}
    return "SQL: " + re.sub(r"\bc\d+\b", lambda match: names.get(match[0], match[0]), line)
