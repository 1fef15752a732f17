"""JSON lines."""

import gzip
import json

import pytest

from kto_data.readers.byte_file import MAX_RECORD_BYTES

GOOD = b'{"prompt": "a", "completion": "b"}'


@pytest.mark.parametrize(
    "content",
    [
        GOOD + b"\n" + GOOD + b"\n",
        GOOD + b"\n" + GOOD,
        GOOD + b"\r\n" + GOOD + b"\r\n",
        b"\xef\xbb\xbf" + GOOD + b"\n" + GOOD,
        b"\n\n" + GOOD + b"\n  \t\n" + GOOD + b"\n\n",
        gzip.compress(GOOD + b"\n" + GOOD, mtime=0),
        gzip.compress(GOOD + b"\n", mtime=0) + gzip.compress(GOOD, mtime=0) + bytes(20),
    ],
    ids=["plain", "no last line end", "CRLF", "BOM", "blank lines", "gzip", "gzip of two members"],
)
def test_two_lines_are_two_records(reading, content):
    reading.write("log.jsonl", content)
    assert reading().counts.n_rows == reading.counts.n_records == 2


def test_of_a_repeated_key_the_last_counts(reading):
    reading.write("log.jsonl", b'{"prompt": "a", "prompt": "z", "completion": "b"}')
    assert reading().rows[0]["prompt"][0]["content"] == "z"


@pytest.mark.slow
def test_a_line_over_the_limit_is_quarantined_and_the_next_one_read(reading):
    head = json.dumps({"prompt": "a"}).encode()
    reading.write("log.jsonl", head + b"x" * MAX_RECORD_BYTES + b"\n" + GOOD)
    (record,) = reading().quarantined
    assert (record["record"], record["reason"]) == (1, "too_long")
    assert f"{MAX_RECORD_BYTES + len(head) + 1:,} bytes" in record["detail"]
    assert record["excerpt"].startswith('{"prompt": "a"}xxx')
    assert reading.counts.n_rows == 1
