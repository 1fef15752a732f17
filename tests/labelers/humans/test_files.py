"""A batch as a file, and the filled-in file as votes."""

import csv
import json

import pytest

from kto_data.errors import InputError
from kto_data.labelers.humans.files import COLUMNS, export_items, import_answers
from kto_data.labelers.humans.votes import tell
from kto_data.votes.log import VoteLog
from kto_data.votes.vote_files import find_vote_files


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def fill_in(path, verdicts, annotator="Ann@Example.com"):
    records = read_csv(path)
    for record, verdict in zip(records, verdicts, strict=False):
        record["verdict"], record["annotator"] = verdict, annotator
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # as a spreadsheet saves it
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(records)


def test_a_csv_file_goes_out_and_comes_back_as_votes(ledger, add_batch, tmp_path):
    add_batch(5)
    path = tmp_path / "batch.csv"
    assert export_items(ledger, path, "csv", "b1") == 5
    fill_in(path, ["d", "Undesirable", "s", ""])
    counts = import_answers(ledger, path)
    assert counts == {"n_answers": 3, "n_new": 3, "n_empty": 2}
    log = VoteLog(tmp_path / "votes")
    assert tell(ledger, log).n_votes == 3
    votes = find_vote_files([log.folder]).load()
    assert [labeler.name for labeler in votes.labelers] == ["human:ann@example.com"]
    assert (votes.up_V.tolist(), votes.down_V.tolist()) == ([1, 0], [0, 1])


def test_the_same_file_again_changes_nothing_and_a_corrected_one_supersedes(ledger, add_batch, tmp_path):
    add_batch(2)
    path = tmp_path / "batch.csv"
    export_items(ledger, path, "csv", "b1")
    fill_in(path, ["d", "d"])
    log = VoteLog(tmp_path / "votes")
    import_answers(ledger, path)
    tell(ledger, log)
    assert import_answers(ledger, path)["n_new"] == 0
    assert tell(ledger, log).n_votes == 0
    fill_in(path, ["u", "d"])
    assert import_answers(ledger, path)["n_new"] == 1
    assert tell(ledger, log).n_votes == 1
    assert find_vote_files([log.folder]).load().down_V.tolist() == [1, 0]


def test_json_lines_too_with_whoever_the_caller_names(ledger, add_batch, tmp_path):
    add_batch(2)
    path = tmp_path / "batch.jsonl"
    export_items(ledger, path, "jsonl", "b1")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert records[0]["messages"] == [{"role": "user", "content": "question 0"}]
    records[1] |= {"verdict": "undesirable", "reasons": ["unsafe", "other"], "comment": "no\nno"}
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert import_answers(ledger, path, annotator="bob")["n_answers"] == 1
    tell(ledger, VoteLog(tmp_path / "votes"))
    [row] = ledger.rows("SELECT * FROM told")
    assert (row["annotator"], row["vote"], row["reason"]) == ("bob", -1, "unsafe, other: no\nno")


def test_every_wrong_line_is_told_and_nothing_is_taken_over(ledger, add_batch, tmp_path):
    add_batch(2)
    path = tmp_path / "batch.csv"
    path.write_text(
        "external_id,verdict,annotator\nnobody,d,ann\nb1-b1s0000,desirabel,ann\nb1-b1s0001,d,\nb1-b1s0000,d,ann\n"
    )
    with pytest.raises(InputError) as error:
        import_answers(ledger, path)
    assert [line.partition("batch.csv")[2] for line in str(error.value).splitlines()] == [
        ":2: external_id: 'nobody' is no item of this ledger",
        ":3: verdict: 'desirabel' is none; did you mean 'desirable'?",
        ":4: annotator: nobody is named; fill in the column, or give --annotator",
    ]
    assert ledger.rows("SELECT * FROM annotations") == []


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", b"id,answer\n1,d\n", "the columns external_id and verdict are needed"),
        ("a.csv", b"external_id,verdict\n\xff,d\n", "not UTF-8"),
        ("a.jsonl", b"{\n", "not JSON lines"),
        ("a.jsonl", b"[1]\n", "not an object"),
        ("missing.csv", None, "no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_message(ledger, tmp_path, name, content, text):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=text):
        import_answers(ledger, path)


def test_a_cell_cannot_be_a_formula(ledger, add_batch, tmp_path):
    add_batch(1, completion='=HYPERLINK("http://evil")')
    path = tmp_path / "batch.csv"
    export_items(ledger, path, "csv", "b1")
    assert read_csv(path)[0]["completion"].startswith("'=HYPERLINK")
