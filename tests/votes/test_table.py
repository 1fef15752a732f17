"""Votes as arrays: pooled per sample, groups reduced to their strongest."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import VOTES, rule_votes_schema
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import load_votes, strongest_of_groups


@pytest.fixture
def files(tmp_path):
    rows = [("r1", "a"), ("r2", "a"), ("r3", "b"), ("r4", "c")]
    pq.write_table(
        pa.table({"row_id": [r for r, _ in rows], "sample_id": [s for _, s in rows]}), tmp_path / "rows"
    )
    wide = [
        {"row_id": row, "sample_id": sample, "loops": loops, "cut": cut}
        for (row, sample), loops, cut in zip(rows, [-1, -1, 0, None], [0, 0, -1, 0], strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(wide, schema=rule_votes_schema(["loops", "cut"])), tmp_path / "rules")
    long = [
        {"sample_id": sample, "row_id": row, "labeler": "thumbs", "version": "1", "vote": vote}
        for sample, row, vote in [
            ("a", "r1", 1),
            ("a", "r2", 1),
            ("a", "r2", -1),
            ("c", "r4", 0),
            ("zzz", "r9", 1),
        ]
    ]
    pq.write_table(pa.Table.from_pylist(long, schema=VOTES), tmp_path / "votes")
    return {
        "samples": tmp_path / "rows",
        "rule_blocks": [tmp_path / "rules"],
        "vote_blocks": [tmp_path / "votes"],
    }


def labeler(name, **kwargs):
    return Labeler(name=name, version="1", kind="rule", **kwargs)


def as_dict(votes):
    return {
        (votes.sample_ids[s], votes.labelers[m].name): (int(up), int(down))
        for s, m, up, down in zip(votes.sample_V, votes.labeler_V, votes.up_V, votes.down_V, strict=True)
    }


def test_votes_pool_per_sample_and_abstentions_leave_no_entry(files):
    votes = load_votes([labeler("loops"), labeler("cut"), labeler("thumbs", about="event")], **files)
    assert votes.sample_ids == ["a", "b", "c"]
    assert as_dict(votes) == {("a", "loops"): (0, 1), ("b", "cut"): (0, 1), ("a", "thumbs"): (2, 1)}


def test_votes_on_samples_that_are_not_in_the_rows_are_counted_and_left_out(files):
    assert load_votes([labeler("thumbs", about="event")], **files).n_unknown == 1


def test_votes_of_labelers_that_are_not_asked_for_are_ignored(files):
    assert as_dict(load_votes([labeler("cut")], **files)) == {("b", "cut"): (0, 1)}


def test_a_cap_leaves_no_more_votes_than_it_says_to_rows_that_share_a_value(tmp_path):
    n = 10
    ids = [f"r{i}" for i in range(n)]
    meta = pa.array([{"user": "angry" if i < 8 else None} for i in range(n)])
    pq.write_table(pa.table({"row_id": ids, "sample_id": ids, "meta": meta}), tmp_path / "rows")
    wide = [{"row_id": i, "sample_id": i, "thumb": -1} for i in ids]
    pq.write_table(pa.Table.from_pylist(wide, schema=rule_votes_schema(["thumb"])), tmp_path / "rules")
    votes = load_votes(
        [labeler("thumb", about="event", cap=("meta.user", 3))],
        samples=tmp_path / "rows",
        rows=tmp_path / "rows",
        rule_blocks=[tmp_path / "rules"],
        vote_blocks=[],
    )
    assert len(votes.sample_V) == 3 + 2  # of the angry user three, and all of those without a user


def test_no_votes_at_all_is_an_empty_table(files):
    votes = load_votes([], samples=files["samples"], rule_blocks=[], vote_blocks=[])
    assert len(votes.sample_ids) == 3
    assert len(votes.sample_V) == 0


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"weight": 1.0}, {"weight": 2.0}, "thumbs"),
        ({"weight": 1.0}, {"weight": None}, "loops"),  # no weight counts as 1, and a tie goes by order
        ({"priority": 0}, {"priority": 5}, "thumbs"),
    ],
)
def test_only_the_strongest_of_a_group_counts_on_a_sample(files, first, second, winner):
    labelers = [
        labeler("loops", group="g", **first),
        labeler("cut"),
        labeler("thumbs", about="event", group="g", **second),
    ]
    votes = strongest_of_groups(load_votes(labelers, **files))
    assert {key for key in as_dict(votes) if key[0] == "a"} == {("a", winner)}
    assert ("b", "cut") in as_dict(votes)
