"""Stored answers."""

import sqlite3

import pytest

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.cache import AnswerCache, Stored, key_of
from kto_data.labelers.judges.question import Answer

ANSWER = Answer("text", {"Yes": 0.5}, 1.5, "stop", 3, 4, 1, "m", 12.0)


def test_what_was_put_in_comes_back_also_to_another_process_at_the_same_time(tmp_path):
    with (
        AnswerCache(tmp_path / "new" / "a.sqlite") as first,
        AnswerCache(tmp_path / "new" / "a.sqlite") as second,
    ):
        key = key_of("here", {"x": 1}, 0)
        assert first.get(key) is None
        first.put(key, Stored(ANSWER, 0.25, 5.0))
        assert second.get(key) is None
        first.commit()
        assert second.get(key) == Stored(ANSWER, 0.25, 5.0)
        second.put(key, Stored(Answer("another"), None, 6.0))
        assert first.get(key).answer.text == "text"
        assert len(first) == 1


def test_the_place_the_request_and_the_number_of_the_sample_make_the_key():
    keys = {
        key_of(*one)
        for one in [("a", {"x": 1}, 0), ("b", {"x": 1}, 0), ("a", {"x": 2}, 0), ("a", {"x": 1}, 1)]
    }
    assert len(keys) == 4
    assert key_of("a", {"x": 1, "y": 2}, 0) == key_of("a", {"y": 2, "x": 1}, 0)


def test_half_a_surrogate_pair_is_kept_as_a_question_mark(tmp_path):
    with AnswerCache(tmp_path / "a.sqlite") as cache:
        cache.put(b"k", Stored(Answer("a\ud800b"), None, 1.0))
        assert cache.get(b"k").answer.text == "a?b"


def test_a_file_that_is_something_else_is_told(tmp_path):
    (tmp_path / "a.sqlite").write_text("no database " * 100)
    with pytest.raises(InputError, match="is no file of answers"):
        AnswerCache(tmp_path / "a.sqlite")
    with pytest.raises(UnavailableError, match="cannot be used"):
        AnswerCache(tmp_path / "a.sqlite" / "b.sqlite")
    with sqlite3.connect(tmp_path / "b.sqlite") as other:
        other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(InputError, match="version 9"):
        AnswerCache(tmp_path / "b.sqlite")
