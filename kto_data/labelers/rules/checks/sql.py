"""Whether a SQL expression over a row's columns is true."""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import field_validator

from kto_data.labelers.rules.arrow_rows import batches, column_array, column_type
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.sql_expression import Expression, read_expression
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import Row

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
        read = read_expression(expression)
        if not any(name.startswith("meta.") for name in read.columns):
            problem = _misfit(read, dict.fromkeys(read.columns, pa.string()))
            if problem:
                raise ValueError(problem)
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
        return [found for part in batches(rows) for found in _evaluated(expression, rows[part])]

    def misfit(self, meta_type: pa.StructType) -> str | None:
        """Return why the expression cannot be evaluated over metadata of a type, None if it can."""
        expression = read_expression(self.expression)
        return _misfit(expression, {name: column_type(name, meta_type) for name in expression.columns})

    def reads(self) -> frozenset[str]:
        """Return the expression's columns."""
        return frozenset(read_expression(self.expression).columns)


def _misfit(expression: Expression, types: Mapping[str, pa.DataType]) -> str | None:
    """Return what is wrong with an expression over columns of these types; nothing is known where one is null."""
    import duckdb

    if any(pa.types.is_null(kind) for kind in types.values()):
        return None
    table = pa.table({f"c{n}": pa.array([], types[name]) for n, name in enumerate(expression.columns)})
    table = table.append_column("n", pa.array([], pa.int64()))
    try:
        bound = _connection().from_arrow(table).project(f"{expression.sql} AS holds")
    except duckdb.Error as error:
        return _told(error, expression)
    kind = str(bound.types[0])
    return None if kind in ("BOOLEAN", '"NULL"', "NULL") else f"is not true or false but of the type {kind}"


def _evaluated(expression: Expression, rows: Sequence[Row]) -> list[Found | Exception]:
    """Return what an expression is in rows with one type; halve them until those that fail are alone."""
    import duckdb

    try:
        values = _values(expression, rows)
    except RowError as error:
        return [error] * len(rows)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        if any(pa.types.is_null(column_type(name, rows[0].meta_type)) for name in expression.columns):
            return [Found(None)] * len(
                rows
            )  # a column that the rows do not have has no type to choose a function by
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
        | {f"c{n}": column_array(name, rows) for n, name in enumerate(expression.columns)}
    )
    result = _connection().from_arrow(table).project(f"{expression.sql} AS holds").to_arrow_table()
    column = result.column(0)
    if not (pa.types.is_boolean(column.type) or pa.types.is_null(column.type)):
        raise RowError(f"the SQL is not true or false but of the type {column.type}")
    values: list[bool | None] = column.to_pylist()
    return values


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
