"""Columns to group by."""

import pyarrow as pa
import pytest

from kto_data.columns import group_sql
from kto_data.errors import InputError
from kto_data.schema import rows_schema

META = pa.struct([("user", pa.string()), ("a.b", pa.string()), ("deep", pa.struct([("id", pa.int64())]))])


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("source", 'CAST("source" AS VARCHAR)'),
        ("meta.user", 'CAST("meta"."user" AS VARCHAR)'),
        ("meta.a.b", 'CAST("meta"."a.b" AS VARCHAR)'),
        ("meta.deep.id", 'CAST("meta"."deep"."id" AS VARCHAR)'),
    ],
)
def test_a_column_is_quoted_part_by_part(name, sql):
    assert group_sql(name, rows_schema(META)) == sql


def test_a_quote_in_a_name_stays_inside_the_quotes():
    evil = 'x" FROM rows; --'
    assert group_sql(f"meta.{evil}", rows_schema(pa.struct([(evil, pa.string())]))) == (
        'CAST("meta"."x"" FROM rows; --" AS VARCHAR)'
    )


@pytest.mark.parametrize("name", ["meta.none_such", "meta.user.name", "meta.deep.no"])
def test_a_column_that_is_not_there_is_an_input_error(name):
    with pytest.raises(InputError, match=f"no column '{name}'"):
        group_sql(name, rows_schema(META))


def test_an_input_without_metadata_says_so():
    with pytest.raises(InputError, match="carry no metadata"):
        group_sql("meta.user", rows_schema())
