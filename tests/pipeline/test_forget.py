"""Forgetting rows: nothing of them stays in the run folder, and the next run does not bring them back."""

import contextlib
import sqlite3

import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.labelers.humans.ledger import _TABLES as SCHEMA
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.load import load_judges
from kto_data.labelers.judges.question import Answer
from kto_data.pipeline.forget import Forgotten, Wanted, _forget_answers, _forget_tasks, _keys, forget

SECRET = "please call Ann about the blue lamp"


@pytest.fixture
def run(work):
    """A run of eight rows; three are Ann's, one of which says what another user's row says too."""
    records = [(f"question {i}", f"{'please' if i % 2 else 'rude'} {i}", {"user": "bob"}) for i in range(5)]
    records += [
        ("where is my lamp", SECRET, {"user": "ann"}),
        ("where is my lamp", "rude to Ann of Elm Street", {"user": "ann"}),
        ("question 1", "please 1", {"user": "ann"}),
    ]
    work.log(*records)
    done = work.run(split={"test": 0.0})
    return work, done.folder


def all_bytes(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def texts(folder):
    tables = [pq.read_table(path) for path in folder.rglob("*.parquet")]
    return "".join(str(table.to_pylist()) for table in tables) + str(all_bytes(folder))


def test_a_rehearsal_changes_nothing(run):
    _, folder = run
    before = all_bytes(folder)
    found = forget(folder, Wanted(users=["ann"]), do=False)
    assert len(found.row_ids) == 3
    assert not found.done
    assert all_bytes(folder) == before


def test_a_users_rows_are_gone_from_every_file_and_stay_out(run):
    work, folder = run
    assert SECRET in texts(folder)
    found = forget(folder, Wanted(users=["ann"]), do=True)
    assert len(found.sample_ids) == 2  # what bob's row says too stays bob's
    left = texts(folder)
    assert SECRET not in left
    assert "Elm Street" not in left
    assert any("log.jsonl" in line for line in found.elsewhere)
    [votes] = [name for name in found.rewritten if name.startswith("votes/rules-")]
    assert found.rewritten[votes] == 3
    again = work.run(split={"test": 0.0})
    assert again.facts["accounting"]["quarantined"] == {"forgotten": 3}
    assert again.facts["accounting"]["n_rows"] == 5
    left = texts(folder)
    assert SECRET not in left
    assert "please 1" in left


def test_the_list_names_contents_so_that_a_cleaned_input_loses_nothing_else(run):
    work, folder = run
    forget(folder, Wanted(rows=["log#r5"]), do=True)
    work.log(
        *[(f"question {i}", f"{'please' if i % 2 else 'rude'} {i}") for i in range(6)]
    )  # r5 is another row now
    again = work.run(split={"test": 0.0})
    assert again.facts["accounting"]["n_rows"] == 6
    assert again.facts["accounting"]["quarantined"] == {}


def test_a_content_is_forgotten_wherever_it_stands(run):
    _, folder = run
    rows = pq.read_table(next(folder.glob("*_read-*/rows.parquet"))).to_pylist()
    sample = next(row["sample_id"] for row in rows if row["completion"][0]["content"] == "please 1")
    found = forget(folder, Wanted(samples=[sample]), do=True)
    assert len(found.row_ids) == 2
    assert found.sample_ids == [sample]


def test_nobody_and_no_run_are_told(run, tmp_path):
    _, folder = run
    with pytest.raises(InputError, match="no row is meant"):
        forget(folder, Wanted(users=["carol"]), do=True)
    with pytest.raises(InputError, match="holds no rows"):
        forget(tmp_path / "runs", Wanted(rows=["x"]), do=True)


def test_stored_answers_of_judges_about_the_contents_go_and_the_others_stay(run, tmp_path):
    _, folder = run
    (tmp_path / "judge.yaml").write_text(
        'version: 1\nid: j\nmodel: m\nbackend: {openai: {base_url: "http://127.0.0.1:9/v1"}}\n'
    )
    judges = load_judges(["judge.yaml"], base=tmp_path)
    rows = pq.read_table(next(folder.glob("*_read-*/rows.parquet")))
    path = tmp_path / "answers.sqlite"
    with AnswerCache(path) as cache:
        keys = list(_keys(judges[0], rows.to_batches()))
        for key in keys:
            cache.put(key, Stored(Answer(text="it quotes Ann"), None, 0.0))
        cache.commit()
        n_before = len(cache)
    shown = rows.slice(5, 2).to_batches()
    found = Forgotten([], [], done=True)
    _forget_answers(path, judges, shown, found)
    assert found.rewritten == {str(path): 2}
    with AnswerCache(path) as cache:
        assert len(cache) == n_before - 2


def test_annotators_tasks_about_the_contents_go(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.executescript(SCHEMA)
        for sample, task in (("gone", 7), ("stays", 8)):
            db.execute(
                "INSERT INTO items (external_id, kind, sample_id, data, task) VALUES (?, 'label', ?, ?, ?)",
                (f"x-{sample}", sample, f"text of {sample}".encode(), task),
            )
            db.execute(
                "INSERT INTO annotations (kind, id, external_id, comment) VALUES ('label', ?, ?, ?)",
                (task, f"x-{sample}", f"comment on {sample}"),
            )
        db.commit()
    found = Forgotten([], ["gone"], done=True)
    _forget_tasks(tmp_path / "ledger.sqlite", {"gone"}, found)
    assert found.elsewhere == ["Label Studio: delete the tasks 7 there"]
    left = (tmp_path / "ledger.sqlite").read_bytes()
    assert b"of gone" not in left
    assert b"on gone" not in left
    assert b"text of stays" in left
