"""Parquet files as views, and queries as Parquet files."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.tables import add_view, database, read_query, regroup, write_parquet

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])


def batches(sizes):
    start = 0
    for size in sizes:
        yield pa.record_batch([pa.array(range(start, start + size), pa.int64())], schema=SCHEMA)
        start += size


@given(sizes=st.lists(st.integers(0, 9)), n_rows=st.integers(1, 7))
def test_regrouping_keeps_every_row_in_its_place(sizes, n_rows):
    tables = list(regroup(batches(sizes), n_rows))
    assert [n for table in tables for n in table["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(table.num_rows == n_rows for table in tables[:-1])
    assert all(0 < table.num_rows <= n_rows for table in tables)


def test_the_bytes_of_a_file_do_not_depend_on_how_its_rows_came(tmp_path):
    for name, sizes in (("one", [10]), ("many", [3, 0, 1, 6])):
        assert write_parquet(tmp_path / name, SCHEMA, batches(sizes), group_rows=4) == 10
    assert (tmp_path / "one").read_bytes() == (tmp_path / "many").read_bytes()
    assert pq.read_metadata(tmp_path / "one").num_row_groups == 3


def test_a_failed_write_leaves_the_file_before_it(tmp_path):
    write_parquet(tmp_path / "x", SCHEMA, batches([2]))

    def failing():
        yield from batches([1])
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_parquet(tmp_path / "x", SCHEMA, failing())
    assert pq.read_table(tmp_path / "x").num_rows == 2


def test_a_view_reads_the_files_named_and_no_others(tmp_path):
    for number, name in enumerate(["a*.parquet", "ab.parquet", "c'?.parquet"]):
        write_parquet(tmp_path / name, SCHEMA, batches([number + 1]))
    with database(tmp_path) as con:
        add_view(con, "one", tmp_path / "a*.parquet")
        add_view(con, "two", [tmp_path / "a*.parquet", tmp_path / "c'?.parquet"])
        assert sum(batch.num_rows for batch in read_query(con, "FROM one")) == 1
        assert sum(batch.num_rows for batch in read_query(con, "FROM two", batch_rows=2)) == 4
