"""Labelers as a table."""

import pyarrow.parquet as pq

from kto_data.votes.labelers import Labeler, from_files, to_table, version_of


def test_labelers_come_back_from_their_file_as_they_were(tmp_path):
    labelers = [
        Labeler(
            name="loops", version="1", kind="rule", mode="veto", group="degenerate", cap=("meta.user", 3)
        ),
        Labeler(
            name="thumbs", version="2", kind="feedback", about="event", prior_mean=0.7, definition={"a": [1]}
        ),
    ]
    pq.write_table(to_table(labelers), tmp_path / "labelers.parquet")
    assert from_files([tmp_path / "labelers.parquet"]) == labelers


def test_a_version_does_not_depend_on_the_order_of_keys():
    assert version_of({"a": 1, "b": 2}) == version_of({"b": 2, "a": 1}) != version_of({"a": 1, "b": 3})
