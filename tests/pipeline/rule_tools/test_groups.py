"""Rows by source and by time."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.pipeline.rule_tools.groups import MOST_SOURCES, OTHERS, by_source, by_time

START = datetime(2026, 1, 5, tzinfo=UTC)


def rows(path, **columns):
    pq.write_table(pa.table(columns), path / "rows.parquet")
    return path / "rows.parquet"


def test_small_sources_are_put_together(tmp_path):
    names = [f"s{n:02}" for n in range(MOST_SOURCES + 2) for _ in range(MOST_SOURCES + 3 - n)]
    groups = by_source(rows(tmp_path, source=names))
    assert (len(groups.names), groups.names[-1]) == (MOST_SOURCES + 1, OTHERS)
    assert groups.group_N[:2].tolist() == [0, 0]
    assert groups.group_N[-5:].tolist() == [MOST_SOURCES] * 5


@pytest.mark.parametrize(
    ("days", "names"),
    [
        ([0, 1, None], ("2026-01-05", "2026-01-06")),
        ([0, 20], ("2026-01-01", "2026-01-22")),
        ([0, 40, 100], ("2026-01-01", "2026-02-01", "2026-04-01")),
    ],
)
def test_the_periods_fit_the_time_that_the_rows_span(tmp_path, days, names):
    times = pa.array(
        [None if n is None else START + timedelta(days=n) for n in days], pa.timestamp("us", "UTC")
    )
    groups = by_time(rows(tmp_path, created_at=times))
    assert groups.names == names
    assert groups.group_N.tolist() == [-1 if n is None else place for place, n in enumerate(days)]


def test_rows_without_a_date_are_in_no_period(tmp_path):
    groups = by_time(rows(tmp_path, created_at=pa.array([None, None], pa.timestamp("us", "UTC"))))
    assert (groups.names, groups.group_N.tolist()) == ((), [-1, -1])
