"""Decisions to votes: told once, also when the telling is interrupted."""

import pyarrow.parquet as pq

from kto_data.labelers.humans.ledger import MAIN
from kto_data.labelers.humans.votes import block_names, tell, write_gold
from kto_data.votes.log import VoteLog
from kto_data.votes.vote_files import find_vote_files


def say(ledger, number, sample, annotator, verdict, *, at, kind=MAIN, withdrawn_at=None):
    ledger.db.execute(
        "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?, ?, ?, '', '', '', 1.0, ?, ?, NULL, ?)",
        [kind, number, sample, annotator, verdict, at, at, withdrawn_at],
    )


def test_an_interrupted_telling_is_repeated_into_the_same_block(ledger, add_batch, tmp_path):
    add_batch(3)
    say(ledger, 1, "b1-b1s0000", "ann", "desirable", at=10)
    say(ledger, 2, "b1-b1s0001", "ann", "undesirable", at=20)
    log = VoteLog(tmp_path / "votes")
    tell(ledger, log)
    before = {path.name: path.read_bytes() for path in log.folder.iterdir()}
    ledger.db.execute("DELETE FROM told")  # killed after the block was written, before it was noted
    ledger.db.execute("DELETE FROM blocks")
    tell(ledger, log)
    assert {path.name: path.read_bytes() for path in log.folder.iterdir()} == before
    assert len(block_names(ledger)) == 1


def test_the_newest_of_one_persons_answers_counts_and_each_person_is_a_labeler(ledger, add_batch, tmp_path):
    add_batch(1)
    say(ledger, 1, "b1-b1s0000", "ann", "desirable", at=10)
    say(ledger, 2, "b1-b1s0000", "ann", "undesirable", at=30)
    say(ledger, 3, "b1-b1s0000", "bob", "desirable", at=20)
    log = VoteLog(tmp_path / "votes")
    tell(ledger, log)
    votes = find_vote_files([log.folder]).load()
    assert [(one.name, one.kind) for one in votes.labelers] == [
        ("human:ann", "annotator"),
        ("human:bob", "annotator"),
    ]
    assert (votes.up_V.tolist(), votes.down_V.tolist()) == ([0, 1], [1, 0])


def test_taking_the_newer_of_two_answers_back_brings_the_older_one_back(ledger, add_batch, tmp_path):
    add_batch(1)
    say(ledger, 1, "b1-b1s0000", "ann", "desirable", at=10)
    say(ledger, 2, "b1-b1s0000", "ann", "undesirable", at=30)
    log = VoteLog(tmp_path / "votes")
    tell(ledger, log)
    say(ledger, 2, "b1-b1s0000", "ann", "undesirable", at=30, withdrawn_at=40)
    assert tell(ledger, log).n_votes == 1
    votes = find_vote_files([log.folder]).load()
    assert (votes.up_V.tolist(), votes.down_V.tolist()) == ([1], [0])


def test_only_the_named_reviewers_answer_is_gold(ledger, add_batch, tmp_path):
    add_batch(2, kind="review:jo@example.com")
    ledger.db.execute("UPDATE items SET role = 'review'")
    say(ledger, 1, "b1-b1s0000", "jo@example.com", "desirable", at=10)
    say(ledger, 2, "b1-b1s0001", "ann", "desirable", at=10)
    path = tmp_path / "gold.parquet"
    assert write_gold(ledger, path) == 1
    assert pq.read_table(path).to_pylist() == [
        {"sample_id": "b1s0000", "label": True, "source": "human:jo@example.com (review)", "p_selected": None}
    ]
    say(ledger, 1, "b1-b1s0000", "jo@example.com", "skip", at=20)
    assert write_gold(ledger, path) == 0
