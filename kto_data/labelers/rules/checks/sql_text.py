"""SQL statements read out of text, and what they touch."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kto_data.labelers.rules.limits import RowError

if TYPE_CHECKING:
    from sqlglot import exp

MAX_CHARS = 100_000
_FIRST_WORD = re.compile(r"(?:\s++|--[^\n]*+|#[^\n]*+|/\*.*?\*/|[(;])*+([a-zA-Z]++)", re.DOTALL)
_FIRST_WORDS = frozenset(
    re.findall(
        r"\w+",
        """SELECT WITH INSERT UPDATE DELETE CREATE ALTER DROP MERGE TRUNCATE VALUES TABLE REPLACE DESCRIBE DESC EXPLAIN
        SHOW USE SET BEGIN START COMMIT ROLLBACK GRANT REVOKE FROM PIVOT UNPIVOT SUMMARIZE""",
    )
)

DIALECTS: Mapping[str, str] = {
    "athena": "athena",
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "duckdb": "duckdb",
    "hive": "hive",
    "mariadb": "mysql",
    "mysql": "mysql",
    "oracle": "oracle",
    "postgres": "postgres",
    "postgresql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "spark": "spark",
    "sqlite": "sqlite",
    "transactsql": "tsql",
    "trino": "trino",
    "tsql": "tsql",
}
"""The dialects by the names that people and promptfoo have for them, in small letters."""


def statements(text: str, dialect: str) -> list["exp.Expr"]:
    """Return the statements of a text that is all SQL.

    Raises:
        ValueError: It is not.
        RowError: It is too long, or nested too deeply, to be read.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    first = _FIRST_WORD.match(text)
    if not first or first[1].upper() not in _FIRST_WORDS:
        raise ValueError("it does not begin with a word of SQL")
    if len(text) > MAX_CHARS:
        raise RowError(f"the text has {len(text):,} characters; SQL is read up to {MAX_CHARS:,}")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it cannot read is our answer, not a warning
    try:
        found = [one for one in sqlglot.parse(text, read=dialect) if one is not None]
        tokens = sqlglot.tokenize(text, read=dialect)
    except SqlglotError as error:
        raise ValueError(str(error).partition("\n")[0][:150]) from None
    except RecursionError:
        raise RowError("the SQL is nested too deeply to read") from None
    if not found:
        raise ValueError("no statement")
    for statement in found:
        problem = _problem(statement)
        if problem:
            raise ValueError(problem)
    _check_commas(tokens)
    return found


def _problem(statement: "exp.Expr") -> str | None:
    """Return why a parsed statement is no real one: sqlglot reads more than databases do."""
    from sqlglot import exp

    complete = {
        exp.Update: "expressions",
        exp.Insert: "expression",
        exp.Create: "this",
        exp.Alter: "actions",
        exp.Delete: "this",
    }
    whole = (
        exp.Query,
        exp.Values,
        exp.Drop,
        exp.Merge,
        exp.TruncateTable,
        exp.Describe,
        exp.Show,
        exp.Use,
        exp.Set,
        exp.Transaction,
        exp.Commit,
        exp.Rollback,
        exp.Grant,
    )
    for kind, part in complete.items():
        if isinstance(statement, kind):
            return None if statement.args.get(part) else f"an incomplete {statement.key.upper()}"
    return None if isinstance(statement, whole) else "no statement of SQL"


def _check_commas(tokens: list[Any]) -> None:
    """Refuse `SELECT a b FROM t`, which is a forgotten comma more often than a name for a column.

    Raises:
        ValueError: Two plain names follow one another in a list of columns, or DELETE has no FROM.
    """
    from sqlglot import TokenType

    names = (TokenType.VAR, TokenType.IDENTIFIER)
    lists: list[bool] = [False]  # for each open bracket: whether it is between SELECT and FROM
    for before, token in zip([None, *tokens], tokens, strict=False):
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            lists.append(False)
        elif kind == TokenType.R_PAREN and len(lists) > 1:
            lists.pop()
        elif kind == TokenType.SELECT:
            lists[-1] = True
        elif kind in (TokenType.FROM, TokenType.SEMICOLON):
            lists[-1] = False
        elif before is None:
            continue
        elif lists[-1] and kind in names and before.token_type in names:
            raise ValueError(f"a comma is missing between {before.text} and {token.text}")
        elif before.token_type == TokenType.DELETE and kind in names:
            raise ValueError("DELETE without FROM")


def touched(statement: "exp.Expr") -> Iterator[tuple[str, str, str | None, str]]:
    """Yield what a statement touches: table or column, by which kind of statement, of what, and its name.

    The kind is select, insert, update or delete; a table is of a database, a column of a table (None where the
    statement does not say); a column `(.*)` stands for all of them.
    """
    from sqlglot import exp

    named = {cte.alias for cte in statement.find_all(exp.CTE)}
    real = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
    for table in statement.find_all(exp.Table):
        if table.name not in named:
            yield "table", _kind_of(table), table.db or None, table.name
    for column in statement.find_all(exp.Column):
        name = "(.*)" if isinstance(column.this, exp.Star) else column.name
        yield "column", _kind_of(column), real.get(column.table, column.table) or None, name
    for select in statement.find_all(exp.Select):
        if any(isinstance(one, exp.Star) for one in select.expressions):
            yield "column", "select", None, "(.*)"
    for change in statement.find_all(exp.Insert, exp.Delete):
        target = change.this
        if isinstance(target, exp.Schema):
            for column in target.expressions:
                yield "column", "insert", target.this.name, column.name
        else:
            yield "column", change.key, target.name, "(.*)"


def _kind_of(part: "exp.Expr") -> str:
    """Return the kind of statement that a table or column is used by: a target is changed, the rest is read."""
    from sqlglot import exp

    child: exp.Expr = part
    parent = part.parent
    while parent is not None:
        if isinstance(parent, exp.Insert | exp.Delete) and child is parent.this:
            return str(parent.key)
        if isinstance(parent, exp.Update) and (child is parent.this or _is_assigned(part, parent)):
            return "update"
        if isinstance(parent, exp.Query):
            return "select"
        child, parent = parent, parent.parent
    return "select"


def _is_assigned(part: "exp.Expr", update: "exp.Expr") -> bool:
    return any(one.this is part for one in update.expressions)
