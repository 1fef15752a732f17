import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_sql import ContainsSql, IsSql
from kto_data.labelers.rules.limits import RowError

HERE = Context()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("SELECT id, name FROM users WHERE age > 3;", True),
        ("SELECT `id` FROM `users`", True),
        ("select a as b, c from t; delete from t where a = 1", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("INSERT INTO t (a) VALUES (1)", True),
        ("UPDATE t SET a = 1 WHERE b = 2", True),
        ("CREATE TABLE t (a INT)", True),
        ("SELECT count(*) n FROM t", True),
        ("SELECT a b FROM t", False),
        ("SELECT DISTINCT a b FROM t", False),
        ("SELECT * FROM", False),
        ("SELCT * FROM t", False),
        ("Hello world", False),
        ("Show me the way", False),
        ("Delete the file", False),
        ("Insert coin", False),
        ("Update the docs", False),
        ("", False),
    ],
)
def test_the_whole_text_has_to_be_sql(text, holds):
    assert IsSql().decide(text, HERE).holds is holds


def test_the_dialect_says_whose_sql_it_is():
    text = "SELECT 'a'::text"
    assert IsSql(dialect="PostgresQL").decide(text, HERE).holds
    assert IsSql(dialect="TransactSQL").decide("SELECT TOP 3 a FROM t", HERE).holds
    with pytest.raises(ValidationError, match="unknown dialect 'mysqll'; did you mean 'mysql'"):
        IsSql(dialect="mysqll")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT name FROM departments", ""),
        ("UPDATE departments SET id = 1", ""),
        ("SELECT name FROM users", "the table select::null::users is not allowed"),
        ("SELECT salary FROM departments", "the column select::null::salary is not allowed"),
        ("SELECT * FROM departments", "the column select::null::(.*) is not allowed"),
        ("DELETE FROM departments", "the table delete::null::departments is not allowed"),
    ],
)
def test_only_allowed_tables_and_columns_may_be_touched(text, problem):
    check = IsSql(
        allowed_tables=("(select|update)::null::departments",),
        allowed_columns=("select::null::name", "update::null::id"),
    )
    assert check.decide(text, HERE).evidence == (problem or "SQL")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Try this:\n```sql\nSELECT `id` FROM `users`;\n```\nDone.", True),
        ("```\nSELECT 1\n```", True),
        ("```python\nSELECT 1\n```", False),
        ("SELECT 1", True),
        ("Use SELECT wisely.", False),
        ("```sql\nSELCT\n```", False),
    ],
)
def test_sql_is_found_in_a_fence(text, holds):
    assert ContainsSql().decide(text, HERE).holds is holds


@pytest.mark.parametrize("text", ["select " + "(" * 5000, "select " + "x" * 200_000])
def test_sql_that_cannot_be_read_is_a_fault(text):
    with pytest.raises(RowError, match=r"too deeply|characters"):
        IsSql().decide(text, HERE)


def test_long_prose_around_a_fence_is_searched():
    text = "word " * 30_000 + "\n```sql\nSELECT 1\n```\n"
    assert ContainsSql().decide(text, HERE).holds
