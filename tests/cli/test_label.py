"""`kto label`: rules on files."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import rule_votes_schema

pytestmark = pytest.mark.slow

RECORDS = [
    {"id": "a", "prompt": "How do I cook rice?", "completion": "I'm sorry, but I can't help with that."},
    {"id": "b", "prompt": "How do I cook rice?", "completion": "Rinse it, then cook it for 12 minutes."},
]


def write(kto, *more):
    lines = [json.dumps(record) for record in RECORDS] + list(more)
    return kto.write("log.jsonl", "".join(line + "\n" for line in lines))


def test_the_votes_are_one_wide_block_with_who_voted_beside_it(kto):
    write(kto)
    done = kto("label", "log.jsonl", "--rules", "builtin:refusals", "-o", "votes.parquet")
    assert done.returncode == 0, done.stderr
    votes = pq.read_table(kto.folder / "votes.parquet")
    labelers = json.loads((kto.folder / "labelers.json").read_text())
    ids = [labeler["labeler"] for labeler in labelers]
    assert "hard-refusal" in ids
    assert votes.schema == rule_votes_schema(ids)
    assert votes["row_id"].to_pylist() == ["log#a", "log#b"]
    assert votes["hard-refusal"].to_pylist() == [-1, 0]
    assert {labeler["kind"] for labeler in labelers} == {"rule"}
    assert "2 rows labelled" in done.stdout
    assert sorted(path.name for path in kto.folder.iterdir()) == [
        "labelers.json",
        "log.jsonl",
        "votes.parquet",
    ]


def test_several_files_and_rule_files_are_taken_and_json_is_one_document(kto):
    kto.records(4)
    kto.records(3, name="more.jsonl")
    kto.pipeline()
    done = kto(
        "label", "*.jsonl", "--rules", "rules.yaml", "--rules", "builtin:sums", "-o", "v.parquet", "--json"
    )
    document = json.loads(done.stdout)
    assert (document["n_rows"], document["n_quarantined"]) == (7, 0)
    by_rule = {rule["labeler"]: rule for rule in document["rules"]}
    assert set(by_rule) == {"rude", "polite", "wrong-sum"}
    assert (by_rule["rude"]["n_undesirable"], by_rule["rude"]["n_abstain"]) == (4, 3)
    assert document["files"] == ["v.parquet", "labelers.json"]
    assert pq.read_metadata(kto.folder / "v.parquet").num_rows == 7


def test_what_cannot_be_read_stands_beside_the_votes_until_it_can(kto):
    write(kto, "{")
    arguments = ("label", "log.jsonl", "--rules", "builtin:refusals", "-o", "votes.parquet")
    done = kto(*arguments)
    assert done.returncode == 0
    assert "1 records quarantined" in done.stdout
    [record] = pq.read_table(kto.folder / "quarantined.parquet").to_pylist()
    assert (record["file"], record["record"], record["reason"]) == ("log.jsonl", 3, "not_json")
    write(kto)
    assert kto(*arguments).returncode == 0
    assert not (kto.folder / "quarantined.parquet").exists()


def test_a_rule_that_fails_on_a_row_leaves_a_fault_and_no_vote(kto):
    kto.records(2, thumb="up")
    kto.records(1, name="odd.jsonl", thumb="sideways")
    rule = (
        "{id: thumbs, vote: {column: meta.thumb, map: {up: desirable}}, precision: {mean: 0.7, strength: 5}}"
    )
    kto.write("thumbs.yaml", f"version: 1\nruleset: t\nrules:\n  - {rule}\n")
    done = kto("label", "log.jsonl", "odd.jsonl", "--rules", "thumbs.yaml", "-o", "votes.parquet")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(kto.folder / "votes.parquet")["thumbs"].to_pylist() == [1, 1, None]
    [fault] = pq.read_table(kto.folder / "faults.parquet").to_pylist()
    assert (fault["row_id"], fault["labeler"]) == ("odd#r0", "thumbs")


@pytest.mark.parametrize(
    ("files", "rules", "output", "said"),
    [
        ("gone.jsonl", "builtin:refusals", "votes.parquet", "gone.jsonl: no such file"),
        ("log.jsonl", "gone.yaml", "votes.parquet", "gone.yaml: no such file"),
        ("log.jsonl", "builtin:refusal", "votes.parquet", "did you mean 'refusals'?"),
        ("log.jsonl", "builtin:refusals", "gone/votes.parquet", "there is no folder gone"),
        ("log.jsonl", "builtin:refusals", ".", "is a folder"),
        ("log.jsonl", "builtin:refusals", "log.jsonl", "the output would replace it"),
        ("faults.parquet", "builtin:refusals", "votes.parquet", "the output would replace it"),
        ("log.jsonl", "builtin:refusals", "labelers.json", "is written beside the votes"),
    ],
)
def test_what_cannot_be_done_is_refused_and_no_file_is_touched(kto, files, rules, output, said):
    write(kto)
    pq.write_table(pa.Table.from_pylist(RECORDS), kto.folder / "faults.parquet")  # an input of this name
    before = {path.name: path.read_bytes() for path in kto.folder.iterdir()}
    done = kto("label", files, "--rules", rules, "-o", output)
    assert done.returncode == 2
    assert said in done.stderr
    assert {path.name: path.read_bytes() for path in kto.folder.iterdir()} == before


def test_a_file_that_is_not_there_is_told_by_its_name(kto):
    kto.write("r.yaml", "version: 1\nrules:\n  - {id: a, vote: undesirable, match: {contains: x}}\n")
    done = kto("label", "no.jsonl", "--rules", "r.yaml", "-o", "votes.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no.jsonl: no such file")


def test_sql_that_does_not_fit_the_columns_is_told_before_any_work(kto):
    kto.write(
        "r.yaml", "version: 1\nrules:\n  - {id: a, vote: undesirable, match: {sql: 'meta.stars > 3'}}\n"
    )
    kto.write("in.jsonl", '{"prompt": "a", "completion": "b", "stars": "x"}\n')
    done = kto("label", "in.jsonl", "--rules", "r.yaml", "-o", "votes.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: r.yaml:3: a: sql: SQL: Binder Error: Cannot compare values of type VARCHAR"
    )


LARGE = """\
version: 1
rules:
  - {id: word, vote: undesirable, match: {icontains: needle}}
  - {id: gap, vote: undesirable, match: {regex: 'hay.{0,40}needle'}}
  - {id: long, vote: undesirable, match: {word-count: {min: 1000000}}}
  - {id: loops, vote: undesirable, match: {repetition: {ngram: 4, max_ratio: 0.3}}}
  - {id: json, vote: desirable, match: {is-json: true}}
"""
VOTES = {"word": -1, "gap": -1, "long": -1, "loops": -1, "json": 0}


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_completion_of_50_mb_is_labelled_like_any_other(kto, container):
    records = [*RECORDS, {"id": "c", "prompt": "Where is it?", "completion": "hay " * 13_000_000 + "needle"}]
    kto.write("r.yaml", LARGE)
    if container == "jsonl":
        kto.write("in.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    else:
        pq.write_table(pa.Table.from_pylist(records), kto.folder / "in.parquet")
    done = kto("label", f"in.{container}", "--rules", "r.yaml", "-o", "votes.parquet")
    assert done.returncode == 0, done.stderr
    few, _, large = pq.read_table(kto.folder / "votes.parquet").select(list(VOTES)).to_pylist()
    assert set(few.values()) == {0}
    assert large == VOTES


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_record_that_is_no_utf8_is_set_aside_and_the_rest_labelled(kto, container):
    kto.write("r.yaml", LARGE)
    if container == "jsonl":
        lines = [json.dumps(record).encode() for record in RECORDS]
        lines.insert(1, b'{"id": "c", "prompt": "x", "completion": "needle \xff\xfe"}')
        (kto.folder / "in.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    else:
        records = [RECORDS[0], {"id": "c", "prompt": "x", "completion": "needle"}, RECORDS[1]]
        table = pa.Table.from_pylist(records)
        raw = pa.array([record["completion"].encode() for record in records], pa.binary())
        _, offsets, data = raw.buffers()
        broken = data.to_pybytes().replace(b"needle", b"need\xff\xfe")
        column = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(broken))
        pq.write_table(table.set_column(2, "completion", column), kto.folder / "in.parquet")
    done = kto("label", f"in.{container}", "--rules", "r.yaml", "-o", "votes.parquet")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(kto.folder / "votes.parquet")["row_id"].to_pylist() == ["in#a", "in#b"]
    [record] = pq.read_table(kto.folder / "quarantined.parquet").to_pylist()
    assert (record["record"], record["reason"]) == (2, "not_utf8")


QUESTIONS = '{"question": "q", "answer": "I cannot help with that."}\n'


def test_other_names_of_columns_can_be_said(kto):
    kto.write("log.jsonl", QUESTIONS)
    arguments = ("label", "log.jsonl", "--rules", "builtin:refusals", "-o", "votes.parquet")
    done = kto(*arguments, "--columns", "prompt=question, completion=answer")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(kto.folder / "votes.parquet")["hard-refusal"].to_pylist() == [-1]


def test_names_that_are_not_ours_are_met_with_what_to_say(kto):
    kto.write("log.jsonl", QUESTIONS)
    arguments = ("label", "log.jsonl", "--rules", "builtin:refusals", "-o", "votes.parquet")
    done = kto(*arguments)
    assert done.returncode == 2
    assert "--columns prompt=question,completion=answer on the command line" in done.stderr
    assert "quarantined.parquet" not in done.stderr  # it would not be there
    done = kto(*arguments, "--columns", "promt=question")
    assert done.stderr == "error: --columns promt=question: there is no 'promt'; did you mean 'prompt'?\n"
    done = kto(*arguments, "--columns", "prompt")
    assert "say what the records call it: prompt=KEY" in done.stderr
