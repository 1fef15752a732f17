"""A most that a group may contribute."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from kto_data.curation.cap import Cap
from kto_data.errors import InputError


def test_a_group_keeps_at_most_its_number_and_a_small_one_all(row, write_rows, curate):
    rows = write_rows([row(f"a{n}", source="big") for n in range(10)] + [row("b", source="small")])
    done = curate(rows, ("cap", {"per": "source", "max": 3}))
    assert len(done.kept) == 4
    assert "b" in done.kept
    assert done.result.dropped == {"cap": {"over_cap": 7}}
    assert done.dropped[0]["detail"] == "3 of 10 rows kept"


def test_rows_without_a_value_are_no_group(row, write_rows, curate):
    rows = write_rows([row(f"a{n}", model=None) for n in range(5)])
    assert len(curate(rows, ("cap", {"per": "model", "max": 1})).kept) == 5


def test_another_seed_chooses_other_rows(row, write_rows, curate):
    rows = write_rows([row(f"a{n}") for n in range(30)])
    step = ("cap", {"per": "prompt_id", "max": 5})
    assert curate(rows, step, seed=1).kept == curate(rows, step, seed=1).kept
    assert curate(rows, step, seed=1).kept != curate(rows, step, seed=2).kept


@pytest.mark.parametrize("name", ["user", 'a user\'s "name"', "deep.user", "deep.er.user"])
def test_metadata_columns_of_any_name_group(row, write_rows, curate, name):
    if name == "deep.er.user":  # a struct in a struct
        kind, values = (
            pa.struct([("er", pa.struct([("user", pa.int64())]))]),
            [{"er": {"user": n % 2}} for n in range(6)],
        )
        column = "deep"
    else:
        kind, values, column = pa.int64(), [n % 2 for n in range(6)], name
    rows = write_rows([row(f"a{n}", meta={column: values[n]}) for n in range(6)], meta=[(column, kind)])
    assert len(curate(rows, ("cap", {"per": f"meta.{name}", "max": 1})).kept) == 2


def test_a_metadata_column_that_the_input_lacks_is_named(row, write_rows, curate):
    rows = write_rows([row("a", meta={"user": "x"})], meta=[("user", pa.string())])
    with pytest.raises(InputError, match=r"no column 'meta.usr'; did you mean 'meta.user'\?"):
        curate(rows, ("cap", {"per": "meta.usr", "max": 1}))


@pytest.mark.parametrize(
    "options", [{"per": "row_id", "max": 1}, {"per": "source", "max": 0}, {"per": "meta.", "max": 1}]
)
def test_impossible_caps_are_refused(options):
    with pytest.raises(ValidationError):
        Cap(**options)


def test_a_cluster_of_near_duplicates_is_a_group(row, write_rows, curate):
    long = " ".join(f"w{n}" for n in range(60))
    rows = [row(f"a{n}", completion=f"{long} {n}") for n in range(6)] + [
        row("b", completion="other"),
        row("c", completion="words"),
    ]
    done = curate(write_rows(rows), ("cap", {"per": "completion_cluster", "max": 2}))
    assert len(done.kept) == 4
    assert {"b", "c"} <= set(done.kept)
    assert done.dropped[0]["detail"] == "2 of 6 rows kept"
    assert len(curate(write_rows(rows), ("cap", {"per": "prompt_cluster", "max": 2})).kept) == 2
