"""Stored answers."""

import sqlite3
import subprocess
import sys

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
    with pytest.raises(InputError, match="is damaged, or no file of answers"):
        AnswerCache(tmp_path / "a.sqlite")
    with pytest.raises(UnavailableError, match="cannot be used"):
        AnswerCache(tmp_path / "a.sqlite" / "b.sqlite")
    with sqlite3.connect(tmp_path / "b.sqlite") as other:
        other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(InputError, match="version 9"):
        AnswerCache(tmp_path / "b.sqlite")
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        other.execute("CREATE TABLE answers (question, answer)")
    other.close()
    with pytest.raises(InputError, match="is a database of something else"):
        AnswerCache(tmp_path / "c.sqlite")


def test_what_breaks_while_it_is_used_is_told_too(tmp_path):
    long = Stored(Answer("x" * 100_000), None, 1.0)
    with AnswerCache(tmp_path / "a.sqlite") as cache:
        cache.db.execute("PRAGMA max_page_count = 1")  # as a disk that is full
        with pytest.raises(UnavailableError, match="no more are bought: database or disk is full"):
            cache.put(b"a", long)
        cache.commit()
        cache.db.execute("DROP TABLE answers")
        with pytest.raises(InputError, match="is damaged"):
            cache.get(b"a")


@pytest.mark.slow
def test_what_one_process_asks_no_other_does_until_it_has_ended(tmp_path):
    path = tmp_path / "a.sqlite"
    held = (
        "import sys, time; from pathlib import Path; from kto_data.labelers.judges.cache import AnswerCache\n"
        "cache = AnswerCache(Path(sys.argv[1])); print(cache.claim(b'12345678'), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "True\n"
        with AnswerCache(path) as cache:
            assert not cache.claim(b"12345678")
            assert cache.claim(b"another.")
            other.kill()
            other.wait()
            assert cache.claim(b"12345678")
