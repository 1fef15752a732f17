"""Parquet."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

CHAT = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


def test_nested_columns_are_read(reading):
    pq.write_table(
        pa.table({"prompt": [CHAT[:1]], "completion": [CHAT[1:]], "meta": [{"a": [1, 2]}]}),
        reading.folder / "x.parquet",
    )
    (row,) = reading("x.parquet").rows
    assert row["completion"][0]["content"] == "a"
    assert row["meta"] == {"meta": {"a": [1, 2]}}


def test_values_that_json_does_not_know_become_texts(reading):
    table = pa.table(
        {
            "prompt": ["q"],
            "completion": ["a"],
            "created_at": pa.array([1772431200_000000001], pa.timestamp("ns", tz="UTC")),
            "price": [Decimal("1.50")],
            "raw": [b"\xff"],
            "day": [datetime(2026, 3, 2, tzinfo=UTC).date()],
            "x": [float("nan")],
        }
    )
    pq.write_table(table, reading.folder / "x.parquet")
    (row,) = reading("x.parquet").rows
    assert row["created_at"] == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert {name: row["meta"][name] for name in ("price", "raw", "day")} == {
        "price": "1.50",
        "raw": "/w==",
        "day": "2026-03-02",
    }
    assert row["meta"]["x"] != row["meta"]["x"]


def test_a_text_that_is_not_utf8_spoils_its_own_row_only(reading):
    texts = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    pq.write_table(pa.table({"prompt": ["1", "2", "3"], "completion": texts}), reading.folder / "x.parquet")
    assert [row["row_id"] for row in reading("x.parquet").rows] == ["x#1", "x#3"]
    assert [(record["record"], record["reason"]) for record in reading.quarantined] == [(2, "not_utf8")]


def test_a_damaged_row_group_costs_its_rows_and_each_is_accounted_for(reading):
    path = reading.folder / "x.parquet"
    texts = [f"text {i} " + "z" * 50 for i in range(40)]
    pq.write_table(
        pa.table({"prompt": texts, "completion": texts}),
        path,
        row_group_size=10,
        compression="none",
        use_dictionary=False,
    )
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + 40] = b"\xff" * 40  # the page's header
    path.write_bytes(bytes(data))
    assert reading("x.parquet").counts.n_rows == 30
    assert set(reading.reasons) == {"damaged_parquet"}
    assert [record["record"] for record in reading.quarantined] == list(range(11, 21))
