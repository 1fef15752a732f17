"""One completion under very many prompts."""

import pytest


def test_a_completion_under_many_prompts_is_kept_with_some_of_them(row, write_rows, curate):
    rows = [
        row(f"a{n:02}", prompt=f"p{n}", completion=("No comment.", "no  comment.\n")[n % 2])
        for n in range(10)
    ]
    rows += [row(f"b{n}", prompt=f"p{n}", completion=f"answer {n}") for n in range(3)]
    done = curate(write_rows(rows), ("canned", {"max_prompts": 4}))
    assert len([kept for kept in done.kept if kept.startswith("a")]) == 4
    assert {"b0", "b1", "b2"} <= set(done.kept)
    assert done.result.dropped == {"canned": {"canned_completion": 6}}
    assert done.dropped[0]["detail"] == "stands under 10 prompts"


def test_many_rows_of_few_prompts_are_not_canned(row, write_rows, curate):
    rows = [row(f"a{n}", prompt=f"p{n % 2}", completion="yes") for n in range(10)]
    assert len(curate(write_rows(rows), ("canned", {"max_prompts": 2})).kept) == 10


@pytest.mark.parametrize(("keep", "n_kept"), [(0, 0), (1, 2), (None, 4)])
def test_all_rows_of_a_kept_prompt_stay(row, write_rows, curate, keep, n_kept):
    rows = [row(f"a{n}", prompt=f"p{n % 5}", completion="yes") for n in range(10)]
    assert len(curate(write_rows(rows), ("canned", {"max_prompts": 2, "keep": keep})).kept) == n_kept
