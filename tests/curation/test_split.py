"""Train and test by group."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kto_data.curation.split import SplitOptions, side_of, split_rows
from kto_data.errors import InputError


@pytest.fixture
def split(tmp_path):
    def run(rows, seed=7, among=None, **options):
        out = tmp_path / "split.parquet"
        proof = split_rows(SplitOptions(**options), rows=rows, out=out, seed=seed, among=among)
        return dict(zip(*pq.read_table(out).to_pydict().values(), strict=True)), proof

    return run


def test_rows_of_one_prompt_share_a_side(row, write_rows, split):
    rows = [
        row(f"{prompt}{n}", prompt=f"p{prompt}", completion=str(n)) for prompt in range(40) for n in range(3)
    ]
    sides, proof = split(write_rows(rows), test=0.5)
    for prompt in range(40):
        assert len({sides[f"{prompt}{n}"] for n in range(3)}) == 1
    assert (proof.n_groups, proof.n_groups_on_both_sides, proof.n_prompts_on_both_sides) == (40, 0, 0)
    assert proof.n_train + proof.n_test == 120
    assert min(proof.n_train, proof.n_test) > 0


@pytest.mark.parametrize(("test", "expected"), [(0.0, {"train"}), (1.0, {"test"})])
def test_nothing_or_everything_can_be_held_out(row, write_rows, split, test, expected):
    sides, _ = split(write_rows([row(f"a{n}", prompt=str(n)) for n in range(50)]), test=test)
    assert set(sides.values()) == expected


def test_the_share_is_met_on_average():
    held_out = sum(side_of(f"prompt_id={n}", seed=3, test=0.3) == "test" for n in range(10_000))
    assert held_out == pytest.approx(3000, abs=4 * (10_000 * 0.3 * 0.7) ** 0.5)  # four standard deviations


def test_a_greater_share_only_adds_groups_to_the_test_side():
    for n in range(1000):
        if side_of(f"g{n}", seed=1, test=0.1) == "test":
            assert side_of(f"g{n}", seed=1, test=0.2) == "test"


def test_another_seed_holds_out_other_groups(row, write_rows, split):
    rows = write_rows([row(f"a{n}", prompt=str(n)) for n in range(50)])
    assert split(rows, seed=1, test=0.5)[0] != split(rows, seed=2, test=0.5)[0]


def test_a_row_without_the_group_goes_with_its_prompt(row, write_rows, split):
    rows = [row(f"a{n}", prompt=str(n % 20), conversation_id=None) for n in range(40)]
    rows.append(row("z", prompt="z", conversation_id="talk"))
    sides, proof = split(write_rows(rows), by="conversation_id", test=0.5)
    assert proof.n_rows_without_group == 40
    assert proof.n_groups == 21
    assert all(sides[f"a{n}"] == sides[f"a{n + 20}"] for n in range(20))
    by_prompt, _ = split(write_rows(rows), test=0.5)
    assert all(sides[f"a{n}"] == by_prompt[f"a{n}"] for n in range(40))


def test_prompts_on_both_sides_are_counted_when_the_group_is_another(row, write_rows, split):
    rows = [row(f"a{n}", conversation_id=f"talk {n}") for n in range(50)]
    _, proof = split(write_rows(rows), by="conversation_id", test=0.5)
    assert (proof.n_groups, proof.n_groups_on_both_sides, proof.n_prompts_on_both_sides) == (50, 0, 1)


def test_a_metadata_column_groups(row, write_rows, split):
    rows = [row(f"a{n}", prompt=str(n), meta={"it's": n % 10}) for n in range(50)]
    sides, proof = split(write_rows(rows, meta=[("it's", pa.int64())]), by="meta.it's", test=0.5)
    assert proof.n_groups == 10
    assert all(sides[f"a{n}"] == sides[f"a{n + 10}"] for n in range(40))


def test_a_metadata_column_that_is_not_there_is_named(row, write_rows, split):
    with pytest.raises(InputError, match=r"no column 'meta.user'"):
        split(write_rows([row("a")]), by="meta.user")


@pytest.mark.parametrize("options", [{"by": "row_id"}, {"test": 1.5}, {"test": -0.1}, {"share": 0.1}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValidationError):
        SplitOptions(**options)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(st.integers(0, 30), min_size=1, max_size=20),
    added=st.lists(st.integers(0, 60), max_size=20),
    test=st.floats(0, 1),
)
@pytest.mark.slow
def test_adding_rows_moves_none_and_no_group_is_on_both_sides(row, write_rows, split, first, added, test):
    rows = [row(f"r{n}", prompt=str(prompt)) for n, prompt in enumerate(first)]
    more = [row(f"s{n}", prompt=str(prompt)) for n, prompt in enumerate(added)]
    before, _ = split(write_rows(rows), test=test)
    after, proof = split(write_rows([*more, *reversed(rows)]), test=test)
    assert before.items() <= after.items()
    assert proof.n_groups_on_both_sides == 0
    assert proof.n_groups == len({*first, *added})


def test_near_duplicate_prompts_share_a_side(row, write_rows, split):
    long = [f"w{n}" for n in range(50)]
    rows = [
        row(
            f"r{prompt}-{copy}",
            prompt=" ".join(
                [f"topic{prompt}", *long[copy:], f"x{prompt}", f"y{prompt}"]
                + [f"z{prompt}{n}" for n in range(30)]
            ),
        )
        for prompt in range(20)
        for copy in range(4)
    ]
    sides, proof = split(write_rows(rows), by="prompt_cluster", near={"threshold": 0.6, "words": 1}, test=0.5)
    for prompt in range(20):
        assert len({sides[f"r{prompt}-{copy}"] for copy in range(4)}) == 1
    assert (proof.n_groups, proof.n_groups_on_both_sides, proof.n_prompts_on_both_sides) == (20, 0, 0)
    assert min(proof.n_train, proof.n_test) > 0
    # another copy of a prompt joins its cluster, and moves nothing unless it names it
    more, _ = split(
        write_rows([*rows, row("s", prompt="new words alone")]),
        by="prompt_cluster",
        near={"threshold": 0.6, "words": 1},
        test=0.5,
    )
    assert sides.items() <= more.items()
