"""Votes from the input's columns."""

import pyarrow as pa
import pytest

from kto_data.errors import InputError
from kto_data.labelers.feedback.thumbs import Thumbs
from kto_data.labelers.recorded import RecordedVotes
from kto_data.schema import rows_schema


def rows(**meta):
    n = len(next(iter(meta.values())))
    message = [{"role": "user", "content": "x"}]
    return pa.RecordBatch.from_pylist(
        [
            {
                "row_id": f"log#{i}",
                "sample_id": f"s{i}",
                "prompt_id": "p",
                "prompt": message,
                "completion": message,
                "source": "log",
                "meta": {name: values[i] for name, values in meta.items()},
            }
            for i in range(n)
        ],
        schema=rows_schema(pa.struct([(name, pa.string()) for name in meta])),
    )


JUDGE = RecordedVotes(
    labeler="judge:x",
    kind="judge",
    columns=["meta.verdict"],
    table=[["ok", "desirable"], ["bad", "undesirable"]],
)


def test_values_become_votes_nulls_nothing_and_others_faults():
    votes, faults = JUDGE.votes_on(rows(verdict=["ok", None, "bad", "invalid verdict"]))
    assert votes.select(["sample_id", "labeler", "vote"]).to_pylist() == [
        {"sample_id": "s0", "labeler": "judge:x", "vote": 1},
        {"sample_id": "s2", "labeler": "judge:x", "vote": -1},
    ]
    (fault,) = faults.to_pylist()
    assert fault["row_id"] == "log#3"
    assert "invalid verdict" in fault["error"]


def test_a_vote_about_content_has_no_row_and_a_thumb_has():
    thumbs = Thumbs(column="meta.thumb", user_column="meta.user").as_recorded()
    votes, _ = thumbs.votes_on(rows(thumb=["up", "down"], user=["ann", "bob"]))
    assert votes.select(["row_id", "vote", "user"]).to_pylist() == [
        {"row_id": "log#0", "vote": 1, "user": "ann"},
        {"row_id": "log#1", "vote": -1, "user": "bob"},
    ]
    assert JUDGE.votes_on(rows(verdict=["ok"]))[0]["row_id"].to_pylist() == [None]


def test_a_column_that_the_input_does_not_have_is_named_with_a_suggestion():
    with pytest.raises(InputError, match=r"no column 'meta.verdict'; did you mean 'meta.verdicts'"):
        JUDGE.votes_on(rows(verdicts=["ok"]))


def test_the_version_changes_with_the_meaning_alone():
    renamed = JUDGE.model_copy(update={"weight": 2.0})
    other = JUDGE.model_copy(update={"table": [["ok", "undesirable"]]})
    assert renamed.as_labeler().version == JUDGE.as_labeler().version != other.as_labeler().version
