"""Bad input through the real command: a clear message or a quarantined record, and nothing lost."""

import gzip
import json
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from kto_data.runs.folder import RunFolder

pytestmark = pytest.mark.slow


def lines(*records):
    return b"".join(
        (record if isinstance(record, bytes) else json.dumps(record).encode()) + b"\n" for record in records
    )


GOOD = [
    {"id": f"r{i}", "prompt": f"question {i}", "completion": f"{'please' if i % 2 else 'rude'} {i}"}
    for i in range(20)
]
POLITE = [record | {"completion": f"please {i}"} for i, record in enumerate(GOOD)]
THUMBS = {"rules": ["rules.yaml"], "feedback": {"thumbs": {"column": "meta.thumb"}}}
LENIENT = {"limits": {"quarantined": 0.5}}


def cut_gzip(n_records, n_bytes):
    """A gzip file that an interrupted copy left: its last bytes are missing."""
    texts = [str(i * 7919 % 10_007) for i in range(n_records)]
    log = lines(
        *(
            {"prompt": text, "completion": f"{'rude' if i % 2 else 'please'} {text}"}
            for i, text in enumerate(texts)
        )
    )
    return gzip.compress(log, mtime=0)[:-n_bytes]


class Stops(NamedTuple):
    """Input that ends the run: the files, the changed keys, the exit code, and what the message says."""

    files: dict
    keys: dict
    code: int
    says: list


STOPS = {
    "a missing file": Stops(
        {"log.jsonl": lines(*GOOD)},
        {"read": [{"path": "lag.jsonl"}]},
        2,
        ["read[0].path: lag.jsonl: no such file; did you mean 'log.jsonl'?"],
    ),
    "an empty file": Stops({"log.jsonl": b""}, {}, 2, ["log.jsonl: is empty"]),
    "a folder": Stops(
        {"logs/a.jsonl": lines(*GOOD)},
        {"read": [{"path": "logs"}]},
        2,
        ["logs: is a folder; name its files, such as logs/*.jsonl"],
    ),
    "a binary file": Stops({"log.jsonl": bytes(range(256)) * 40}, {}, 2, ["log.jsonl: is a binary file"]),
    "a gzip file of which nothing is left": Stops(
        {"log.jsonl.gz": gzip.compress(lines(*GOOD))[:20]},
        {"read": [{"path": "log.jsonl.gz"}]},
        2,
        ["log.jsonl.gz: nothing of it can be read", "too early"],
    ),
    "nothing but broken lines": Stops(
        {"log.jsonl": b"{\n{\n"},
        {},
        2,
        ["log.jsonl: none of the 2 records can be read", "record 2: not_json"],
    ),
    "an unset variable": Stops(
        {},
        {"read": [{"path": "$NOT_SET_HERE/log.jsonl"}]},
        2,
        ["the environment variable NOT_SET_HERE is not set", "export NOT_SET_HERE="],
    ),
    "two files with one mistake each": Stops(
        {"a.jsonl": b""},
        {"read": [{"path": ["gone.jsonl"]}, {"path": "$NOT_SET_HERE/b"}]},
        2,
        ["read[0].path: gone.jsonl: no such file", "read[1].path: $NOT_SET_HERE/b"],
    ),
    "too many unreadable records": Stops(
        {"log.jsonl": lines(*GOOD, b"{")}, {}, 1, ["1 of 21 records", "limits.quarantined", "not_json 1"]
    ),
    "a labeler that fails too often": Stops(
        {"log.jsonl": lines(*(record | {"thumb": "sideways"} for record in GOOD))},
        {"label": THUMBS},
        1,
        ["'thumbs' failed on 20 of 20 rows", "limits.faults", "meta.thumb = 'sideways'"],
    ),
    "an unknown column of thumbs": Stops(
        {"log.jsonl": lines(*(record | {"thump": "up"} for record in GOOD))},
        {"label": THUMBS},
        2,
        ["the input has no column 'meta.thumb'; did you mean 'meta.thump'?"],
    ),
    "only desirable rows": Stops(
        {"log.jsonl": lines(*POLITE)},
        {"train": {"model": "tiny"}},
        2,
        ["only desirable rows", "KTO needs both classes", "`aggregate.when_no_evidence: undesirable`"],
    ),
    "no row with a label": Stops(
        {"log.jsonl": lines(*(record | {"completion": f"hm {i}"} for i, record in enumerate(GOOD)))},
        {"train": {"model": "tiny"}},
        2,
        ["no row has a label", "`aggregate.when_no_evidence`"],
    ),
    "nothing held out to evaluate on": Stops(
        {"log.jsonl": lines(*GOOD)},
        {"split": {"test": 0.0}, "train": {"model": "tiny"}, "evaluate": {"prompts": 5}},
        1,
        ["nothing to evaluate on", "`split.test`"],
    ),
    "everything held out": Stops(
        {"log.jsonl": lines(*GOOD)}, {"split": {"test": 0.999}}, 1, ["no row to train on", "`split.test`"]
    ),
    "a model that is not there": Stops(
        {"log.jsonl": lines(*GOOD)}, {"train": {"model": "./gone"}}, 3, ["./gone: no model folder there"]
    ),
    "a truth file with a broken line": Stops(
        {"log.jsonl": lines(*GOOD), "truth.jsonl": b'{"id": "r1", "desirable": true}\n{"id"\n'},
        {"truth": {"file": "truth.jsonl"}},
        2,
        ["truth.jsonl:2: must be a JSON object with the keys 'id' and 'desirable'"],
    ),
    "a truth file that is no text": Stops(
        {"log.jsonl": lines(*GOOD), "truth.jsonl": b'{"id": "r1", "desirable": true}\n\x80\x81\n'},
        {"truth": {"file": "truth.jsonl"}},
        2,
        ["truth.jsonl:2: must be a JSON object"],
    ),
    "a truth that is neither true nor false": Stops(
        {"log.jsonl": lines(*GOOD), "truth.jsonl": b'{"id": "r1", "desirable": "yes"}\n'},
        {"truth": {"file": "truth.jsonl"}},
        2,
        ["truth.jsonl:1: desirable must be true or false, not 'yes'"],
    ),
    "a truth of other rows": Stops(
        {"log.jsonl": lines(*GOOD), "truth.jsonl": b'{"id": "other", "desirable": true}\n'},
        {"truth": {"file": "truth.jsonl"}},
        2,
        ["truth.jsonl: none of its 1 ids is that of a row", "`truth.id`"],
    ),
    "a missing truth file": Stops(
        {"log.jsonl": lines(*GOOD)},
        {"truth": {"file": "truth.jsonl"}},
        2,
        ["p.yaml:1: truth.file: truth.jsonl: no such file"],
    ),
}


@pytest.mark.parametrize("name", STOPS)
def test_input_that_cannot_be_used_stops_the_run_and_stays_as_it_is(kto, name):
    case = STOPS[name]
    files = [kto.write(file, content) for file, content in case.files.items()]
    done = kto("run", kto.pipeline(**case.keys))
    assert done.returncode == case.code, done.stderr
    assert "error: " in done.stderr
    for text in case.says:
        assert text in done.stderr
    assert done.stdout == ""
    assert [path.read_bytes() for path in files] == list(case.files.values())
    # what was read before is there, none of it lost, and nothing looks like a finished run
    for folder in kto.run_folder.glob("01_read-*"):
        n_lines = kto.folder.joinpath("log.jsonl").read_bytes().count(b"\n")
        tables = [pq.read_metadata(folder / f"{table}.parquet").num_rows for table in ("rows", "quarantined")]
        assert sum(tables) == n_lines
    assert not (kto.run_folder / "report.html").exists()
    assert not (kto.run_folder / "checkpoint").exists()


class Goes(NamedTuple):
    """Input that does not stop the run: what is added to 20 good records, and the reasons it is sorted out for."""

    records: list
    keys: dict
    quarantined: dict
    dropped: dict


LONG = {"prompt": "long", "completion": "please " + "word " * 2_000_000}

GOES = {
    "a broken line": Goes([b'{"prompt": "x"'], LENIENT, {"not_json": 1}, {}),
    "rows without prompt or completion": Goes(
        [
            {"completion": "a"},
            {"prompt": "b"},
            {"prompt": "", "completion": ""},
            {"prompt": None, "completion": "x"},
        ],
        LENIENT,
        {"no_prompt": 2, "no_completion": 1, "empty_prompt": 1},
        {},
    ),
    "wrong types": Goes(
        [{"prompt": 3, "completion": "a"}, {"prompt": "b", "completion": {"a": 1}}, [1], 7, "x", None],
        LENIENT,
        {"not_an_object": 4, "wrong_type": 2},
        {},
    ),
    "a completion of 10 MB": Goes([LONG], {}, {}, {}),
    "a completion of 10 MB where there is a limit": Goes(
        [LONG], {"prepare": [{"length": {"max_chars": 20000}}]}, {}, {"completion_too_long": 1}
    ),
    "NULs": Goes([{"prompt": "nul \0", "completion": "please \0 x"}], {}, {}, {}),
    "lone surrogates": Goes(
        [b'{"prompt": "a \\ud800", "completion": "please \\udfff"}'], LENIENT, {"lone_surrogate": 1}, {}
    ),
    "bytes that are no UTF-8": Goes(
        [b'{"prompt": "b\xff", "completion": "please"}'], LENIENT, {"not_utf8": 1}, {}
    ),
    "exact duplicates": Goes([GOOD[0], GOOD[1]], {"prepare": ["exact_dedup"]}, {}, {"exact_duplicate": 2}),
}


@pytest.mark.parametrize("name", GOES)
def test_a_bad_record_does_not_stop_the_good_ones_and_is_accounted_for(kto, name):
    case = GOES[name]
    kto.write("log.jsonl", lines(*GOOD, *case.records))
    done = kto("run", kto.pipeline(**case.keys), "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["accounting"]
    n_quarantined, n_dropped = sum(case.quarantined.values()), sum(case.dropped.values())
    dropped = {}
    for reasons in counts["dropped"].values():
        dropped |= reasons
    assert counts["quarantined"] == case.quarantined
    assert dropped == case.dropped
    assert counts["n_records"] == 20 + len(case.records)
    assert counts["n_rows"] == 20 + len(case.records) - n_quarantined
    assert counts["n_undecided"] == 0
    assert sum(counts["n_dataset"].values()) == counts["n_rows"] - n_dropped
    in_files = sum(pq.read_metadata(path).num_rows for path in (kto.run_folder / "dataset").glob("*.parquet"))
    assert in_files == counts["n_rows"] - n_dropped


def test_what_stands_before_the_cut_of_a_truncated_gzip_file_is_used_and_the_cut_is_told(kto):
    kto.write("log.jsonl.gz", cut_gzip(3000, 2000))
    done = kto("run", kto.pipeline(read=[{"path": "log.jsonl.gz"}], **LENIENT), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    counts = facts["accounting"]
    assert 1000 < counts["n_rows"] < 3000
    assert counts["n_quarantined"] == 1
    assert counts["n_records"] == counts["n_rows"] + 1
    [cut] = facts["quarantined_examples"]
    assert (cut["file"], cut["record"]) == ("log.jsonl.gz", counts["n_rows"] + 1)


def test_two_runs_at_once_in_one_folder_are_refused(kto):
    kto.records(20)
    path = kto.pipeline()
    with RunFolder(kto.run_folder).locked():
        done = kto("run", path)
    assert done.returncode == 3
    assert "another run is at work here" in done.stderr
    assert kto("run", path).returncode == 0


def test_a_place_where_no_run_folder_can_be_made_is_told(kto):
    kto.records(20)
    done = kto("run", kto.pipeline(), "--runs", "log.jsonl")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "log.jsonl/mine" in done.stderr
