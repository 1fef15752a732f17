"""Whether a text is SQL, or has SQL in it."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2
from pydantic import field_validator

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.checks.sql_text import DIALECTS, statements, touched
from kto_data.labelers.rules.limits import RowError

_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:\w*sql)?[ \t]*\r?\n", re.MULTILINE | re.IGNORECASE)
_FENCE_END = re.compile(r"^[ \t]*```[ \t]*$", re.MULTILINE)


class _Sql(Check):
    dialect: str = "mysql"
    """Whose SQL it is: mysql, postgres, sqlite, bigquery, duckdb, hive, mariadb, oracle, redshift, snowflake,
    spark, transactsql, trino, athena or clickhouse."""
    allowed_tables: tuple[Word, ...] | None = None
    """The tables that it may use, as patterns `kind::database::table` (`(select|update)::null::orders`); kind is
    select, insert, update or delete, and null a database that the text does not name."""
    allowed_columns: tuple[Word, ...] | None = None
    """The columns that it may use, as patterns `kind::table::column`; `*` is the column `(.*)`."""

    @field_validator("dialect")
    @classmethod
    def _known(cls, dialect: str) -> str:
        name = re.sub(r"\W|alpha", "", dialect.lower())
        if name not in DIALECTS:
            raise ValueError(f"unknown dialect {dialect!r}{did_you_mean(name, DIALECTS)}")
        return name

    @field_validator("allowed_tables", "allowed_columns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for pattern in patterns or ():
            try:
                _compiled(pattern)
            except re2.error as error:
                raise ValueError(f"not a pattern that RE2 can read: {pattern!r} ({error})") from None
            if pattern.count("::") != 2:
                raise ValueError(
                    f"{pattern!r} should have three parts: kind::database::table, kind::table::column"
                )
        return patterns

    def problem(self, text: str) -> str | None:
        """Return why a text is not SQL of this kind, None if it is."""
        try:
            found = statements(text.strip(), DIALECTS[self.dialect])
        except ValueError as error:
            return f"not SQL: {error}"
        for what, kind, of, name in (use for statement in found for use in touched(statement)):
            allowed = self.allowed_tables if what == "table" else self.allowed_columns
            touched_one = f"{kind}::{of or 'null'}::{name}"
            if allowed is not None and not any(_allows(pattern, touched_one) for pattern in allowed):
                return f"the {what} {touched_one} is not allowed"
        return None


@CHECKS.register("is-sql")
class IsSql(_Sql):
    """The text is SQL and nothing else: `is-sql: true`, or `is-sql: {dialect: postgres, allowed_tables: [...]}`.

    One or more whole statements in the dialect. `SELECT a b FROM t` is taken for a forgotten comma.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text parses, and touches only what is allowed."""
        problem = self.problem(text)
        return Found(not problem, problem or "SQL")


@CHECKS.register("contains-sql")
class ContainsSql(_Sql):
    """The text is SQL, or has SQL in a code fence: `contains-sql: true`, with the options of `is-sql`.

    Fences without a language, and with `sql` or one that ends in it, are looked at.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text, or a fenced part of it, is SQL."""
        problems: list[str] = []
        for start, end in [*_fenced(text), (0, len(text))]:
            try:
                problem = self.problem(text[start:end])
            except RowError:
                if (start, end) != (0, len(text)) or len(problems) == 0:
                    raise
                continue  # prose around its fences may be too long to be SQL itself
            if not problem:
                return Found(True, text[start:end].strip()[:80], ((start, end),))
            problems.append(problem)
        return Found(False, problems[0])


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while opening := _FENCE.search(text, at):
        closing = _FENCE_END.search(text, opening.end())
        if not closing:
            return
        yield opening.end(), closing.start()
        at = closing.end()


def _allows(pattern: str, touched_one: str) -> bool:
    # `(.*)` stands for every column, on both sides
    return bool(_compiled(pattern).fullmatch(touched_one))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    return re2.compile(pattern, options)
