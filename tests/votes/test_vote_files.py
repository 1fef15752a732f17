"""Vote files as people have them: long or wide, several, cut off."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.votes.vote_files import find_vote_files


def test_wide_and_long_files_are_told_apart_by_their_columns(write_long, write_wide):
    files = find_vote_files([write_wide("w.parquet", ["a"], r=[1]), write_long("l.parquet", ("a", "j", -1))])
    assert [path.name for path in files.rule_blocks] == ["w.parquet"]
    assert [path.name for path in files.vote_blocks] == ["l.parquet"]
    assert [labeler.name for labeler in files.labelers] == ["r", "j"]


def test_a_file_that_is_cut_off_is_set_aside_and_the_others_count(write_long, tmp_path):
    whole = write_long("votes-1.parquet", ("a", "j", 1))
    cut = write_long("votes-2.parquet", ("b", "j", 1))
    cut.write_bytes(cut.read_bytes()[:-20])
    votes = find_vote_files([tmp_path]).load()
    assert votes.sample_ids == ["a"]
    (message,) = votes.set_aside.messages()
    assert "votes-2.parquet: cut off" in message
    assert whole.is_file()
    assert cut.is_file()  # nothing is thrown away


def test_no_readable_file_is_an_error_that_names_them(tmp_path):
    (tmp_path / "votes.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"no readable vote file\n.*votes\.parquet: cut off"):
        find_vote_files([tmp_path / "votes.parquet"])


def test_labelers_json_says_how_votes_count(write_wide, tmp_path):
    wide = write_wide("w.parquet", ["a"], r=[1], s=[-1])
    described = [{"labeler": "r", "kind": "rule", "mode": "veto", "weight": 2.0}]
    (tmp_path / "labelers.json").write_text(json.dumps(described))
    r, s = find_vote_files([wide]).labelers
    assert (r.mode, r.weight, s.mode, s.weight) == ("veto", 2.0, "vote", None)


def test_the_version_of_the_file_named_later_counts(tmp_path, write_wide):
    paths = []
    for number, vote in (("1", 1), ("2", -1)):
        (tmp_path / number).mkdir()
        path = write_wide(f"{number}/w.parquet", ["a"], r=[vote])
        (tmp_path / number / "labelers.json").write_text(json.dumps([{"labeler": "r", "version": number}]))
        paths.append(path)
    votes = find_vote_files(paths).load()
    assert (votes.up_V.tolist(), votes.down_V.tolist()) == ([0], [1])
    assert votes.set_aside.n_superseded == 1


def test_the_newest_version_in_long_files_counts(write_long):
    old = write_long("old", ("a", "j", 1, {"version": "old"}))
    new = write_long("new", ("a", "j", -1, {"version": "new"}))
    votes = find_vote_files([old, new]).load()
    assert (votes.up_V.tolist(), votes.down_V.tolist(), votes.set_aside.n_superseded) == ([0], [1], 1)


def test_a_table_that_holds_no_votes_is_refused_with_its_columns(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"no table of votes.*it has text"):
        find_vote_files([tmp_path / "t.parquet"])


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_vote_files([tmp_path / "x"])


def test_labelers_json_that_is_none_is_refused(write_wide, tmp_path):
    wide = write_wide("w.parquet", ["a"], r=[1])
    (tmp_path / "labelers.json").write_text('{"r": 1}')
    with pytest.raises(InputError, match=r"labelers\.json: no list of labelers"):
        find_vote_files([wide])
