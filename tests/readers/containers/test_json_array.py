"""A JSON file that is one list."""

import gzip
import json

import pytest

GOOD = b'{"prompt": "a", "completion": "b"}'


@pytest.mark.parametrize(
    ("content", "n_rows", "reasons"),
    [
        (b"[" + GOOD + b"," + GOOD + b"]", 2, []),
        (b" \n[" + GOOD + b"\n,\n" + GOOD + b",\n]\n", 2, []),
        (b"[" + GOOD + b', {"prompt": tru}, ' + GOOD + b"]", 2, ["not_json"]),
        (b"[" + GOOD + b", 7, [1, [2]]]", 1, ["not_an_object", "not_an_object"]),
        (b"[" + GOOD + b",," + GOOD + b"]", 2, ["not_json"]),
        (b"[" + GOOD + b"," + GOOD[:-3], 1, ["cut_off"]),
        (b"[" + GOOD + b"," + GOOD, 2, ["cut_off"]),
        (b"[" + GOOD + b",", 1, ["cut_off"]),
        (b"[" + GOOD + b"] x", 1, ["not_json"]),
        (b'[{"prompt": "a]},[{\\"", "completion": "\\\\"}]', 1, []),
        (gzip.compress(b"[" + GOOD + b"]", mtime=0), 1, []),
    ],
)
def test_elements_are_records_and_a_broken_one_spoils_only_itself(reading, content, n_rows, reasons):
    reading.write("log.json", content)
    assert reading("log.json").counts.n_rows == n_rows
    assert reading.reasons == reasons


def test_elements_are_numbered_from_one(reading):
    reading.write("log.json", b"[" + GOOD + b",3," + GOOD + b"]")
    assert [row["row_id"] for row in reading("log.json").rows] == ["log#1", "log#3"]
    assert reading.quarantined[0]["record"] == 2


def test_a_list_much_longer_than_a_chunk_is_read_whole(reading):
    records = [{"prompt": f'"{i}\\', "completion": "x,]}" * 200} for i in range(1000)]
    reading.write("log.json", json.dumps(records, indent=1).encode())
    assert [row["prompt"][0]["content"] for row in reading("log.json").rows] == [r["prompt"] for r in records]
