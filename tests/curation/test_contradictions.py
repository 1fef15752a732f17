"""Samples with feedback both ways."""

import pytest


@pytest.mark.parametrize(
    ("thumbs", "kept_by_majority", "kept_by_none"),
    [
        ([], True, True),
        ([1, 1], True, True),
        ([-1], True, True),
        ([1, -1], False, False),
        ([1, 1, -1], True, False),
        ([-1, 1, -1], True, False),
        ([1, 0], True, True),
        ([1, 1, -1, -1], False, False),
    ],
)
def test_ties_go_and_majorities_stay_unless_none_may(
    row, write_rows, write_votes, curate, thumbs, kept_by_majority, kept_by_none
):
    rows, votes = write_rows([row("a")]), write_votes(*((row("a"), vote) for vote in thumbs))
    assert bool(curate(rows, ("contradictions", {}), votes=[votes]).kept) == kept_by_majority
    assert bool(curate(rows, ("contradictions", {"keep": "none"}), votes=[votes]).kept) == kept_by_none


def test_all_rows_of_the_sample_go_and_others_stay(row, write_rows, write_votes, curate):
    rows = write_rows([row("a"), row("b"), row("c", completion="no")])
    done = curate(rows, ("contradictions", {}), votes=[write_votes((row("a"), 1), (row("b"), -1))])
    assert done.kept == ["c"]
    assert {drop["detail"] for drop in done.dropped} == {"1 up, 1 down"}


def test_votes_of_several_files_are_pooled(row, write_rows, write_votes, curate):
    files = [write_votes((row("a"), 1), name="1.parquet"), write_votes((row("a"), -1), name="2.parquet")]
    assert curate(write_rows([row("a")]), ("contradictions", {}), votes=files).kept == []


def test_votes_on_dropped_duplicates_still_count_for_their_sample(row, write_rows, write_votes, curate):
    votes = write_votes((row("a"), 1), (row("b"), -1))
    done = curate(
        write_rows([row("a"), row("b")]), ("exact_dedup", {}), ("contradictions", {}), votes=[votes]
    )
    assert done.kept == []
    assert done.result.dropped == {
        "exact_dedup": {"exact_duplicate": 1},
        "contradictions": {"contradicting_feedback": 1},
    }


def test_votes_about_content_are_no_feedback(row, write_rows, write_votes, curate):
    votes = write_votes((row("a"), 1), (row("a"), -1), about="content")
    assert curate(write_rows([row("a")]), ("contradictions", {}), votes=[votes]).kept == ["a"]
