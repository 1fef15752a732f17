"""Names, times and nested keys."""

from datetime import UTC, datetime

import pytest

from kto_data.readers.columns import ColumnFinder, as_time

SIX = datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-02T06:00:00Z",
        "2026-03-02 06:00",
        "2026-03-02T08:00:00+02:00",
        1772431200,
        1772431200.0,
        1772431200_000,
        1772431200_000_000,
        1772431200_000_000_000,
        "1772431200",
    ],
)
def test_times_in_any_usual_form_are_utc(value):
    assert as_time(value) == SIX


@pytest.mark.parametrize(
    "value", ["yesterday", "", True, None, [1], float("nan"), 10**30, "0001-01-01T00:00+23:00"]
)
def test_what_is_no_time_is_null(value):
    assert as_time(value) is None


def test_a_key_that_is_spelt_with_dots_wins_over_a_path():
    finder = ColumnFinder({"prompt": "a.b"})
    record = {"a.b": "flat", "a": {"b": "nested"}}
    assert finder.find(record) == {"prompt": "flat"}
    assert finder.remainder(record, ["prompt"]) == {"a": {"b": "nested"}}


def test_a_path_leaves_its_neighbours_and_the_record_itself():
    finder = ColumnFinder({"prompt": "a.b.c", "id": "a.n"})
    record = {"a": {"b": {"c": 1}, "n": 2, "m": 3}, "z": 4}
    assert finder.find(record) == {"prompt": 1, "id": 2}
    assert finder.remainder(record, ["prompt", "id"]) == {"a": {"m": 3}, "z": 4}
    assert record["a"]["b"] == {"c": 1}
