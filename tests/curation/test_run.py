"""Steps one after another, and their accounting."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STEPS = [
    ("exact_dedup", {}),
    ("length", {"max_chars": 3}),
    ("contradictions", {}),
    ("cap", {"per": "source", "max": 2}),
]


def test_each_step_sees_what_the_ones_before_it_kept(row, write_rows, curate):
    rows = write_rows([row("a", completion="long"), row("b"), row("c", completion="no")])
    seen = []
    done = curate(
        rows, ("length", {"max_chars": 3}), ("cap", {"per": "source", "max": 1}), advance=seen.append
    )
    assert seen == [3, 2]
    assert [drop["step"] for drop in done.dropped] == ["length", "cap"]
    assert len(done.kept) == 1


def test_no_steps_keep_every_row(row, write_rows, curate):
    done = curate(write_rows([row("b"), row("a")]))
    assert done.kept == ["a", "b"]
    assert (done.result.n_rows, done.result.n_kept, done.result.dropped) == (2, 2, {})


def test_a_step_that_drops_nothing_is_counted_as_such(row, write_rows, curate):
    assert curate(write_rows([row("a")]), ("exact_dedup", {})).result.dropped == {"exact_dedup": {}}


def test_no_rows_are_fine(write_rows, curate):
    done = curate(write_rows([]), *STEPS)
    assert (done.kept, done.result.n_rows) == ([], 0)


def test_rows_outside_of_among_do_not_take_part(row, write_rows, curate, tmp_path):
    rows = write_rows([row("a"), row("b"), row("c")])
    among = tmp_path / "among.parquet"
    pq.write_table(pa.table({"row_id": ["b", "c"]}), among)
    done = curate(rows, ("exact_dedup", {}), among=among)
    assert done.kept == ["b"]
    assert done.result.n_rows == 2


def test_file_names_are_taken_literally(row, write_rows, curate):
    write_rows([row("b")], name="rows1.parquet")
    assert curate(write_rows([row("a")], name="rows[1].parquet")).kept == ["a"]


def test_nothing_but_the_two_files_is_left_behind(row, write_rows, curate, tmp_path):
    before = {path.name for path in tmp_path.iterdir()}
    curate(write_rows([row("a")]), *STEPS)
    assert {path.name for path in tmp_path.iterdir()} - before == {
        "rows.parquet",
        "labels.parquet",
        "kept.parquet",
        "dropped.parquet",
    }


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.tuples(st.sampled_from(["p", "q"]), st.sampled_from(["a", "b", "long", "ü"])), max_size=12
    ),
    thumbs=st.lists(st.sampled_from([1, -1, 0]), max_size=12),
    order=st.randoms(use_true_random=False),
)
@pytest.mark.slow
def test_every_row_is_kept_or_dropped_once_whatever_the_order(
    row, write_rows, write_votes, curate, texts, thumbs, order
):
    rows = [row(f"r{n}", prompt=prompt, completion=text) for n, (prompt, text) in enumerate(texts)]
    votes = list(zip(rows, thumbs, strict=False))
    first = curate(write_rows(rows), *STEPS, votes=[write_votes(*votes)])
    assert sorted([*first.kept, *(drop["row_id"] for drop in first.dropped)]) == sorted(
        r["row_id"] for r in rows
    )
    assert first.result.n_rows == first.result.n_kept + first.result.n_dropped == len(rows)

    order.shuffle(rows)
    order.shuffle(votes)
    assert curate(write_rows(rows), *STEPS, votes=[write_votes(*votes)]).bytes == first.bytes
