"""Votes of long and wide files, pooled: which stand, which are set aside."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import load_votes


def load(labelers, long=(), wide=(), **kwargs):
    return load_votes(labelers, samples=None, vote_blocks=list(long), rule_blocks=list(wide), **kwargs)


def entries(votes):
    return [
        (votes.sample_ids[s], votes.labelers[m].name, int(up), int(down))
        for s, m, up, down in zip(votes.sample_V, votes.labeler_V, votes.up_V, votes.down_V, strict=True)
    ]


def judge(name="j", **kwargs):
    return Labeler(name, "1", **{"kind": "judge", **kwargs})


DAY = [{"created_at": datetime(2026, 1, day, tzinfo=UTC)} for day in (1, 2, 3)]


def test_entries_are_sorted_by_sample_then_labeler(write_long, write_wide):
    wide = write_wide("w", ["b", "a"], r=[-1, 1])
    long = write_long("l", ("b", "j", 1), ("a", "j", -1), ("c", "j", 0))
    votes = load([judge("r"), judge()], [long], [wide])
    assert entries(votes) == [("a", "r", 1, 0), ("a", "j", 0, 1), ("b", "r", 0, 1), ("b", "j", 1, 0)]
    assert votes.sample_ids == ["a", "b", "c"]  # an abstention is heard of, too


def test_more_labelers_than_a_mask_holds_are_told_apart(write_wide):
    names = [f"r{m}" for m in range(130)]
    wide = write_wide("w", ["a", "b"], **{name: [1, -1 if m % 2 else 0] for m, name in enumerate(names)})
    votes = load([judge(name) for name in names], wide=[wide])
    assert votes.per_sample(votes.up_V).tolist() == [130.0, 0.0]
    assert votes.per_sample(votes.down_V).tolist() == [0.0, 65.0]
    assert np.array_equal(votes.labeler_V[130:], np.arange(1, 130, 2))


def test_unknown_samples_are_counted_with_more_labelers_than_a_mask_holds_too(write_wide, tmp_path):
    pq.write_table(pa.table({"sample_id": ["z"]}), tmp_path / "rows")
    names = [f"r{m}" for m in range(150)]
    wide = write_wide("w", ["a"], **{name: [1] for name in names})
    votes = load_votes(
        [judge(name) for name in names], samples=tmp_path / "rows", rule_blocks=[wide], vote_blocks=[]
    )
    assert votes.set_aside.n_unknown == 150


def test_a_vote_of_an_older_version_is_superseded(write_long):
    long = write_long("l", ("a", "j", 1, {"version": "0"}), ("a", "j", -1), ("b", "j", 1, {"version": "0"}))
    votes = load([judge()], [long])
    assert entries(votes) == [("a", "j", 0, 1)]
    assert votes.set_aside.n_superseded == 2


def test_a_changed_mind_counts_as_it_is_now(write_long):
    long = write_long("l", ("a", "j", 1, DAY[0]), ("a", "j", -1, DAY[2]), ("a", "j", 1, DAY[1]))
    votes = load([judge()], [long])
    assert entries(votes) == [("a", "j", 0, 1)]
    assert votes.set_aside.n_superseded == 2


def test_who_withdraws_a_vote_has_none(write_long):
    votes = load([judge()], [write_long("l", ("a", "j", 1, DAY[0]), ("a", "j", 0, DAY[1]))])
    assert entries(votes) == []


def test_minds_are_told_apart_by_user(write_long):
    ann, bob = {"user": "ann"}, {"user": "bob"}
    long = write_long(
        "l", ("a", "team", 1, ann | DAY[0]), ("a", "team", -1, bob | DAY[1]), ("a", "team", 1, bob | DAY[2])
    )
    votes = load([judge("team", kind="annotator")], [long])
    assert entries(votes) == [("a", "team", 2, 0)]


def test_duplicate_votes_count_once_and_are_counted(write_long):
    votes = load([judge()], [write_long("l", ("a", "j", 1), ("a", "j", 1), ("b", "j", 1))])
    assert entries(votes) == [("a", "j", 1, 0), ("b", "j", 1, 0)]
    assert votes.set_aside.n_duplicates == 1


def test_the_same_thumb_logged_twice_is_one_thumb(write_long):
    row = {"row_id": "r1", "user": "ann"}
    long = write_long("l", ("a", "t", 1, row), ("a", "t", 1, row), ("a", "t", 1, row | {"row_id": "r2"}))
    votes = load([judge("t", about="event", kind="feedback")], [long])
    assert entries(votes) == [("a", "t", 2, 0)]
    assert votes.set_aside.n_duplicates == 1


def test_a_labeler_that_contradicts_itself_undated_is_pooled(write_long):
    assert entries(load([judge()], [write_long("l", ("a", "j", 1), ("a", "j", -1))])) == [("a", "j", 1, 1)]


def test_scores_that_are_no_number_are_counted_and_their_votes_stay(write_long):
    long = write_long("l", ("a", "j", 1, {"score": float("nan")}), ("b", "j", -1, {"score": 0.2}))
    votes = load([judge()], [long])
    assert len(entries(votes)) == 2
    assert votes.set_aside.n_bad_scores == 1


def test_votes_that_are_none_are_set_aside(tmp_path):
    table = pa.table({"sample_id": ["a", "a", "b"], "labeler": ["j", "k", "j"], "vote": [1, 7, None]})
    pq.write_table(table, tmp_path / "l")
    votes = load([judge(), judge("k")], [tmp_path / "l"])
    assert entries(votes) == [("a", "j", 1, 0)]
    assert votes.set_aside.n_invalid == 2


def test_votes_on_unknown_samples_are_counted(write_long, tmp_path):
    pq.write_table(pa.table({"sample_id": ["a", "z"]}), tmp_path / "rows")
    long = write_long("l", ("a", "j", 1), ("b", "j", 1), ("b", "k", -1))
    votes = load_votes([judge(), judge("k")], samples=tmp_path / "rows", vote_blocks=[long], rule_blocks=[])
    assert votes.sample_ids == ["a", "z"]
    assert votes.set_aside.n_unknown == 2


def test_a_long_file_without_a_needed_column_is_refused(tmp_path):
    pq.write_table(pa.table({"sample_id": ["a"], "vote": [1]}), tmp_path / "l")
    with pytest.raises(InputError, match="labeler is missing"):
        load([judge()], [tmp_path / "l"])


def test_a_wide_column_that_is_no_vote_is_refused(tmp_path):
    pq.write_table(pa.table({"sample_id": ["a"], "j": [0.5]}), tmp_path / "w")
    with pytest.raises(InputError, match="column j: votes are whole numbers"):
        load([judge()], wide=[tmp_path / "w"])


def test_no_files_are_no_votes():
    votes = load([judge()])
    assert len(votes.sample_ids) == len(votes.sample_V) == 0
