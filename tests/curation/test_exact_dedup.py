"""Exact duplicates."""


def test_the_smallest_row_id_of_equal_rows_is_kept_and_named(row, write_rows, curate):
    rows = write_rows([row("c"), row("a"), row("d", completion="no"), row("b")])
    done = curate(rows, ("exact_dedup", {}))
    assert done.kept == ["a", "d"]
    assert [(drop["row_id"], drop["detail"]) for drop in done.dropped] == [
        ("b", "the same as a"),
        ("c", "the same as a"),
    ]
    assert {drop["reason"] for drop in done.dropped} == {"exact_duplicate"}


def test_one_completion_to_two_prompts_is_no_duplicate(row, write_rows, curate):
    rows = write_rows([row("a", prompt="one"), row("b", prompt="two")])
    assert curate(rows, ("exact_dedup", {})).kept == ["a", "b"]
