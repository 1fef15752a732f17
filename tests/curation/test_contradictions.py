"""Samples with feedback both ways."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import LABELERS


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


@pytest.fixture
def write_labelers(tmp_path):
    def write(**kinds):
        table = [
            {
                "labeler": name,
                "version": "1",
                "kind": kind,
                "mode": "vote",
                "about": "content",
                "priority": 0,
                "definition": "{}",
            }
            for name, kind in kinds.items()
        ]
        path = tmp_path / "labelers.parquet"
        pq.write_table(pa.Table.from_pylist(table, schema=LABELERS), path)
        return path

    return write


def test_annotators_who_disagree_contradict_and_other_labelers_do_not(
    row, write_rows, write_votes, curate, write_labelers
):
    rows, votes = write_rows([row("a")]), [write_votes((row("a"), 1), (row("a"), -1), about="content")]
    people = [write_labelers(thumbs="annotator")]
    done = curate(rows, ("contradictions", {}), votes=votes, labelers=people)
    assert (done.dropped[0]["reason"], done.dropped[0]["detail"]) == (
        "contradicting_annotators",
        "1 up, 1 down",
    )
    assert curate(
        rows, ("contradictions", {}), votes=votes, labelers=[write_labelers(thumbs="judge")]
    ).kept == ["a"]


@pytest.mark.parametrize(
    ("keep", "decided_by", "kept"),
    [
        ("majority", "aggregate", True),
        ("human", "aggregate", False),
        ("human", "annotators", True),
        ("none", "annotators", False),
        ("none", "gold", True),
        ("human", "gold", True),
    ],
)
def test_who_decided_can_settle_it(
    row, write_rows, write_votes, write_labels, curate, keep, decided_by, kept
):
    rows, votes = write_rows([row("a")]), [write_votes((row("a"), 1), (row("a"), 1), (row("a"), -1))]
    labels = write_labels((row("a"), True, decided_by, 3))
    assert bool(curate(rows, ("contradictions", {"keep": keep}), votes=votes, labels=labels).kept) == kept


SAID = "The answer to the question of life, the universe and everything is 42, of course, as you know"


@pytest.mark.parametrize(
    ("keep", "first", "second", "kept"),
    [
        ("majority", ("aggregate", 3), ("aggregate", 1), ["a"]),
        ("majority", ("aggregate", 2), ("aggregate", 2), []),
        ("majority", ("aggregate", 3), ("gold", 0), ["b"]),
        ("human", ("aggregate", 3), ("annotators", 2), ["b"]),
        ("human", ("annotators", 2), ("annotators", 2), []),
        ("human", ("aggregate", 3), ("aggregate", 1), []),
        ("none", ("aggregate", 3), ("aggregate", 1), []),
        ("none", ("gold", 0), ("aggregate", 1), ["a"]),
    ],
)
def test_near_same_answers_to_one_prompt_with_opposite_labels(
    row, write_rows, write_labels, curate, keep, first, second, kept
):
    a, b = row("a", completion=SAID), row("b", completion=SAID.upper() + "!!")
    labels = write_labels((a, True, *first), (b, False, *second))
    done = curate(write_rows([a, b]), ("contradictions", {"keep": keep}), labels=labels)
    assert done.kept == kept
    assert {drop["reason"] for drop in done.dropped} == (
        {"contradicting_near_same"} if len(kept) < 2 else set()
    )


def test_the_detail_names_the_opponent(row, write_rows, write_labels, curate):
    a, b = row("a", completion=SAID), row("b", completion=SAID.upper())
    labels = write_labels((a, True, "aggregate", 3), (b, False, "aggregate", 1))
    done = curate(write_rows([a, b]), ("contradictions", {}), labels=labels)
    assert done.dropped[0]["detail"] == "1.000 similar to a, which is desirable"


def test_other_prompts_other_numbers_and_equal_labels_do_not_contradict(
    row, write_rows, write_labels, curate
):
    a, b = row("a", completion=SAID), row("b", completion=SAID.replace("42", "43"))
    c, d = row("c", prompt="other", completion=SAID.upper()), row("d", completion=SAID + "!")
    labels = write_labels(
        *((one, label, "aggregate", 1) for one, label in ((a, True), (b, False), (c, False), (d, True)))
    )
    assert curate(write_rows([a, b, c, d]), ("contradictions", {"near": 0.5}), labels=labels).kept == [
        "a",
        "b",
        "c",
        "d",
    ]


def test_near_same_answers_can_be_left_alone(row, write_rows, write_labels, curate):
    a, b = row("a", completion=SAID), row("b", completion=SAID.upper())
    labels = write_labels((a, True, "aggregate", 1), (b, False, "aggregate", 1))
    assert curate(write_rows([a, b]), ("contradictions", {"near": None}), labels=labels).kept == ["a", "b"]
