import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.errors import ConfigError
from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.sql import Sql
from kto_data.labelers.rules.engine import explain_row, label_batch, refuse_misfits
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import rows_schema

META = pa.struct(
    [
        ("n", pa.int64()),
        ("text", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("user", pa.struct([("plan", pa.string())])),
        ("at", pa.timestamp("us")),
        ("all_null", pa.string()),
    ]
)


def table(*metas, completion="Hello", finish_reason="stop"):
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": "Hi"}],
            "completion": [{"role": "assistant", "content": completion}],
            "source": "t",
            "finish_reason": finish_reason,
            "meta": meta,
        }
        for n, meta in enumerate(metas)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema(META))


def holds(expression, meta, **columns):
    (row,) = rows_of(table(meta, **columns))
    return Sql(expression=expression).decide("", Context(row)).holds


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("meta.n > 2", True),
        ("meta.n > 3", False),
        ("meta.n / 2 = 1.5 AND meta.text LIKE 'a%'", True),
        ("meta.user.plan = 'pro'", True),
        ("meta.user.plan IS NULL", False),
        ("len(meta.tags) = 2 AND meta.tags[1] = 'x'", True),
        ("list_contains(meta.tags, 'y')", True),
        ("list_has_any(meta.tags, ['q', 'y'])", True),
        ("meta.at >= DATE '2026-01-01' AND year(meta.at) = 2026", True),
        ("date_diff('day', meta.at, TIMESTAMP '2026-01-09') = 7", True),
        ("TRY_CAST(meta.text AS INT) IS NULL", True),
        ("meta.all_null = 'x'", None),
        ("meta.nowhere = 3", None),
        ("coalesce(meta.nowhere, 3) = 3", True),
        ("len(meta.nowhere) > 0", None),
        ("year(meta.nowhere) = 2026", None),
        ("finish_reason = 'stop' AND source = 't'", True),
        ("model IS NULL", True),
        ("length(completion) = 5 AND last_user = 'Hi'", True),
        ("next_user = 'x'", None),
        ("completion ~ '.*l{2}.*' AND regexp_matches(completion, '^H')", True),
        ("CASE WHEN meta.n = 3 THEN TRUE ELSE FALSE END", True),
        ("meta.n IN (1, 3) AND meta.n BETWEEN 1 AND 3 AND NOT meta.n = 4", True),
        ("meta.n > 2 -- more than two", True),
    ],
)
def test_an_expression_is_true_false_or_not_applicable(expression, expected):
    meta = {
        "n": 3,
        "text": "abc",
        "tags": ["x", "y"],
        "user": {"plan": "pro"},
        "at": datetime.datetime(2026, 1, 2),
    }
    assert holds(expression, meta) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SELECT content FROM read_text('/etc/passwd')", "may not have queries or statements in it"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "may not have queries or statements in it"),
        ("read_text('/etc/passwd') IS NOT NULL", "may not use the function read_text()"),
        ("meta.n IN (SELECT 1)", "may not have queries or statements in it"),
        ("EXISTS (FROM '/etc/passwd')", "may not have queries or statements in it"),
        ("getenv('HOME') = 'x'", "may not use the function getenv()"),
        ("current_setting('threads') = '1'", "may not use the function current_setting()"),
        ("query('SELECT 1') = 1", "may not use the function query()"),
        ("meta.n = 1; DROP TABLE x", "should be one expression, not 2"),
        ("SET threads = 3", "may not"),
        ("COPY t TO '/tmp/x'", "may not"),
        ("ATTACH '/tmp/x.db'", "may not"),
        ("INSTALL httpfs", "may not"),
        ("PRAGMA version", "may not"),
        ("random() > 0.5", "may not use the function random()"),
        ("now() > meta.at", "may not use the function"),
        ("current_date > meta.at", "may not use the function current_date()"),
        ("sum(meta.n) > 1", "may not use the function sum()"),
        ("count(*) OVER () > 1", "may not"),
        ("* = 1", "may not have *: name the columns"),
        ("$1 = 1", "may not have parameters"),
        ("finishreason = 'x'", "unknown column finishreason; did you mean 'finish_reason'?"),
        ("thumb = 'up'", "unknown column thumb; known: "),
        ("meta.n + 1", "is not true or false; compare it with something"),
        ("'yes'", "is not true or false; compare it with something"),
        ("meta.n >", "is not SQL: "),
        ("", "should be one expression, not 0"),
        ("(" * 9000, "is nested too deeply"),
        ("lenght(completion) > 3", "may not use the function lenght(); did you mean 'length'?"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_where_it_stands(read_rule, expression, message):
    text = f"version: 1\nrules:\n  - id: a\n    vote: undesirable\n    when: {{sql: {expression!r}}}\n    match: {{contains: x}}\n"
    with pytest.raises(ConfigError) as told:
        read_rule(text=text)
    (mistake,) = told.value.mistakes
    assert str(mistake).startswith(f"r.yaml:5: rules[0] (a).when.sql: {message}")


def test_values_of_the_row_cannot_be_put_into_sql(read_rule):
    with pytest.raises(ConfigError):
        read_rule("{sql: 'meta.n = {{meta.text}}'}")


def test_a_comment_cannot_smuggle_anything_in():
    assert holds("meta.n = 1 /* */ -- */ OR TRUE /*", {"n": 2}) is False


def test_duckdb_itself_is_locked():
    from kto_data.labelers.rules.checks.sql import _connection

    con = _connection()
    for statement in (
        "SELECT * FROM read_text('/etc/passwd')",
        "SET threads = 2",
        "ATTACH '/tmp/x.db'",
        "LOAD httpfs",
    ):
        with pytest.raises(Exception, match=r"Permission|locked|disabled"):
            con.execute(statement)


def test_a_value_that_cannot_be_cast_is_a_fault_of_its_row_alone(read_rule):
    rule = read_rule("{sql: 'meta.text::int > 2'}").rule
    votes, faults = label_batch(
        RuleSet((rule,), ()), table(*({"text": text} for text in ["3", "x", "1", None]))
    )
    assert votes.column("a").to_pylist() == [-1, None, 0, None]
    (fault,) = faults.to_pylist()
    assert fault["row_id"] == "r1"
    assert fault["error"].startswith("SQL: Conversion Error")


def test_a_wrong_type_is_a_fault_of_every_row_and_names_the_column(read_rule):
    rule = read_rule("{sql: 'lower(meta.tags) = 3'}").rule
    _, faults = label_batch(RuleSet((rule,), ()), table({"tags": []}, {"tags": ["a"]}))
    assert [fault["row_id"] for fault in faults.to_pylist()] == ["r0", "r1"]


def test_what_fails_on_every_row_is_refused_before_the_first(tmp_path):
    (tmp_path / "r.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {id: fine, vote: undesirable, match: {sql: 'meta.n > 2 AND year(meta.nowhere) = 2026'}}\n"
        "  - {id: typed, vote: undesirable, match: {not: {sql: 'year(meta.text) = 2026'}}}\n"
    )
    rules = load_rules(["r.yaml"], base=tmp_path)
    with pytest.raises(
        ConfigError, match=r"^r.yaml:4: typed: sql: SQL: Binder Error: No function matches .*$"
    ):
        refuse_misfits(rules, rows_schema(META))
    refuse_misfits(rules, rows_schema())  # without such a column nothing is known


def test_a_gate_of_sql_decides_where_a_rule_is_applicable(read_rule):
    text = "version: 1\nrules:\n  - id: a\n    vote: undesirable\n    when: {sql: 'len(meta.tags) > 0'}\n    match: {contains: x}\n"
    rule = read_rule(text=text).rule
    votes, faults = label_batch(RuleSet((rule,), ()), table({"tags": ["x"]}, {"tags": []}, {}))
    assert votes.column("a").to_pylist() == [0, None, None]
    assert faults.num_rows == 0
    assert rule.about == "event"


def test_rows_of_inline_tests_have_the_types_of_their_values():
    row = Row(meta={"n": 3, "tags": ["a"]})
    assert Sql(expression="meta.n > 2 AND len(meta.tags) = 1").decide("", Context(row)).holds is True


values = st.one_of(st.none(), st.sampled_from(["1", "x", "", "12"]))
EXPRESSIONS = ["meta.text::int > 1", "meta.n > 1 AND meta.text = 'x'", "NOT meta.n = 2", "10 / meta.n > 3",
               "meta.text || meta.n::text = '12'", "CASE WHEN meta.n > 1 THEN meta.text::int > 0 END"]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(values, st.one_of(st.none(), st.integers(-1, 3))), max_size=9),
    st.sampled_from(EXPRESSIONS),
)
def test_many_rows_at_once_are_as_one_after_another(pairs, expression):
    rows = list(rows_of(table(*({"text": text, "n": n} for text, n in pairs))))
    check = Sql(expression=expression)
    together = check.decide_batch([""] * len(rows), [Context(row) for row in rows])
    alone = [found for row in rows for found in check.decide_batch([""], [Context(row)])]
    assert [str(found) for found in together] == [str(found) for found in alone]


def test_explaining_a_row_says_the_same_as_labelling_it(read_rule):
    rules = RuleSet((read_rule("{sql: 'meta.n = 2'}").rule,), ())
    rows = table({"n": 2}, {"n": 3})
    votes = label_batch(rules, rows).votes.column("a").to_pylist()
    assert votes == [explain_row(rules, row)[0].vote for row in rows_of(rows)]
