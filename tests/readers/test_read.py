"""Reading as a whole: rows, ids, accounting, and what happens to bad input."""

import gzip
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.errors import InputError, KtoDataError
from kto_data.schema import content_id, rows_schema

GOOD = {"prompt": "Say hi", "completion": "Hi!"}
GOOD_LINE = json.dumps(GOOD).encode() + b"\n"


def test_a_record_becomes_a_row_with_every_column(reading):
    reading.write(
        "log.jsonl",
        [
            {
                "id": 7,
                "messages": [
                    {"role": "user", "content": "2+2?"},
                    {"role": "assistant", "content": "4", "reasoning_content": "easy"},
                ],
                "next_turn": "thanks",
                "conversation_id": "c1",
                "model": "m",
                "created_at": "2026-03-02T07:00:00+01:00",
                "finish_reason": "stop",
                "thumb": "up",
            }
        ],
    )
    prompt = [{"role": "user", "content": "2+2?"}]
    completion = [{"role": "assistant", "content": "4", "reasoning": "easy"}]
    (row,) = reading().rows
    rest = {"tool_calls": None, "name": None}
    assert row == {
        "row_id": "log#7",
        "sample_id": content_id(prompt, completion),
        "prompt_id": content_id(prompt),
        "conversation_id": "c1",
        "prompt": [{**prompt[0], "reasoning": None, **rest}],
        "completion": [{**completion[0], **rest}],
        "next_turn": [{"role": "user", "content": "thanks", "reasoning": None, **rest}],
        "source": "log",
        "model": "m",
        "created_at": datetime(2026, 3, 2, 6, tzinfo=UTC),
        "finish_reason": "stop",
        "meta": {"thumb": "up"},
    }


def test_the_files_have_the_schema_of_rows_and_are_compressed(reading):
    reading.write("log.jsonl", [{**GOOD, "n": 1}])
    schema = rows_schema(pa.struct([("n", pa.int64())]))
    assert reading().table.schema.equals(schema)
    assert reading.table.schema.metadata == schema.metadata
    column = pq.ParquetFile(reading.out / "rows.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


def test_the_same_input_gives_the_same_bytes(reading):
    reading.write("log.jsonl", [{**GOOD, "n": i} for i in range(50)])
    first = [path.read_bytes() for path in sorted(reading().out.iterdir())]
    assert [path.read_bytes() for path in sorted(reading().out.iterdir())] == first


def test_records_without_an_id_are_named_by_their_line(reading):
    reading.write("log.jsonl", GOOD_LINE + b"\n" + GOOD_LINE)
    assert [row["row_id"] for row in reading().rows] == ["log#1", "log#3"]


def test_repeated_ids_get_a_suffix_and_are_counted(reading):
    reading.write("log.jsonl", [{**GOOD, "id": name} for name in ("a", "a", "a~2", "a", "b")])
    ids = [row["row_id"] for row in reading().rows]
    assert ids == ["log#a", "log#a~2", "log#a~2~2", "log#a~3", "log#b"]
    assert reading.counts.n_repeated_ids == 3


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"prompt": "a", "comple', "not_json", "at character"),
        (b"2026-03-02 WARN worker restarted", "not_json", "at character"),
        (b"[1]", "not_an_object", "a list"),
        (b'"text"', "not_an_object", "a text"),
        (b"null", "not_an_object", "null"),
        (b'{"prompt": "a", "completion": "\xff"}', "not_utf8", "0xff"),
        (rb'{"prompt": "a", "completion": "\ud800"}', "lone_surrogate", r"\ud800"),
        (rb'{"prompt": "a", "completion": "b", "\udfff": 1}', "lone_surrogate", r"\udfff"),
        (b'{"prompt": "a", "completion": "b", "x": NaN}', "not_finite", "NaN"),
        (b'{"prompt": "a", "completion": "b", "x": -Infinity}', "not_finite", "-Infinity"),
        (b'{"prompt": "a", "completion": "b", "x": 1e999}', "not_finite", "1e999"),
        (b'{"prompt": "a", "completion": "b", "x": ' + b"9" * 30 + b"}", "number_too_large", "30 digits"),
        (b'{"prompt": "a", "completion": "b", "x": ' + b"9" * 5000 + b"}", "number_too_large", "5000"),
        (b'{"prompt": "a", "completion": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep", "nested"),
        (b'{"prompt": "a", "completion": "b", "x": ' + b"[" * 150 + b"]" * 150 + b"}", "too_deep", "nested"),
        (b"{}", "no_conversation", "its keys are: none"),
        (b'{"question": "a", "answer": "b"}', "no_conversation", "'question', 'answer'"),
        (b'{"prompt": "a"}', "no_completion", "completion is missing"),
        (b'{"prompt": "a", "completion": null}', "no_completion", "missing or null"),
        (b'{"prompt": "a", "completion": " \\n"}', "empty_completion", "blank"),
        (b'{"completion": "b"}', "no_prompt", "prompt is missing"),
        (b'{"prompt": "", "completion": "b"}', "empty_prompt", "blank"),
        (b'{"prompt": [], "completion": "b"}', "no_prompt", "no message"),
        (
            b'{"prompt": 7, "completion": "b"}',
            "wrong_type",
            "prompt must be a text or a list of messages, not a n",
        ),
        (b'{"prompt": "a", "completion": {"x": 1}}', "wrong_type", "not an object"),
        (b'{"messages": "hi"}', "wrong_type", "messages must be a list"),
        (b'{"messages": [3]}', "wrong_type", "messages[0] must be an object"),
        (b'{"messages": [{"content": "x"}]}', "no_role", "messages[0]"),
        (b'{"messages": [{"role": 3, "content": "x"}]}', "wrong_type", "messages[0].role"),
        (b'{"messages": [{"role": "usr", "content": "x"}]}', "unknown_role", "did you mean 'user'"),
        (
            b'{"messages": [{"role": "user", "content": 42}]}',
            "wrong_type",
            "messages[0].content must be a text",
        ),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "no_completion", "'assistant'"),
        (b'{"messages": []}', "no_completion", "'assistant'"),
        (b'{"messages": [{"role": "assistant", "content": "x"}]}', "no_prompt", "before the answer"),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            "unsupported_content",
            "'image_url'",
        ),
    ],
)
def test_a_bad_line_is_quarantined_with_its_place_and_reason(reading, line, reason, detail):
    reading.write("log.jsonl", GOOD_LINE + line + b"\n" + GOOD_LINE)
    assert reading().counts.n_rows == 2
    (record,) = reading.quarantined
    assert (record["file"], record["record"], record["reason"]) == ("log.jsonl", 2, reason)
    assert detail in record["detail"]
    assert len(record["excerpt"]) <= 1000
    assert record["excerpt"].isprintable()
    assert reading.counts.quarantined_by_reason == {reason: 1}


def test_a_bad_line_does_not_spoil_the_types_of_the_metadata(reading):
    reading.write("log.jsonl", [{**GOOD, "n": 1}, {"prompt": "a", "n": "x"}])
    assert reading().counts.meta_types == {"n": "int64"}


@pytest.mark.parametrize("text", ["a\0b", "\x1b[31m", "\u202e", "𝔘𝔫𝔦", "\ufffd", "\r\n"])
def test_strange_texts_are_kept_as_they_are(reading, text):
    reading.write("log.jsonl", [{"prompt": f"p{text}", "completion": f"c{text}"}])
    (row,) = reading().rows
    assert (row["prompt"][0]["content"], row["completion"][0]["content"]) == (f"p{text}", f"c{text}")


def test_a_raw_nul_in_a_text_is_kept(reading):
    reading.write("log.jsonl", b'{"prompt": "a\0b", "completion": "c"}\n')
    assert reading().rows[0]["prompt"][0]["content"] == "a\0b"


@pytest.mark.slow
def test_a_completion_of_ten_megabytes_is_read(reading):
    reading.write("log.jsonl", [{"prompt": "a", "completion": "x" * 10_000_000}])
    assert len(reading().rows[0]["completion"][0]["content"]) == 10_000_000


def test_a_file_of_only_bad_lines_beside_a_good_one_is_quarantined(reading):
    reading.write("good.jsonl", [GOOD])
    reading.write("bad.jsonl", b"x\ny\n")
    reading("*.jsonl")
    by_name = {file.name: (file.n_records, file.n_rows, file.n_quarantined) for file in reading.counts.files}
    assert by_name == {"bad.jsonl": (2, 0, 2), "good.jsonl": (1, 1, 0)}


def test_input_without_one_readable_record_is_an_error_and_the_quarantine_is_kept(reading):
    reading.write("log.jsonl", b"x\ny\n")
    with pytest.raises(
        InputError, match=r"log.jsonl: none of the 2 records can be read(.|\n)*record 1: not_json"
    ):
        reading()
    assert pq.read_table(reading.out / "quarantined.parquet").num_rows == 2
    assert not (reading.out / "rows.parquet").exists()


def test_an_empty_list_is_no_input(reading):
    reading.write("log.json", b"[]")
    with pytest.raises(InputError, match=r"log.json: no records"):
        reading("log.json")


def test_an_empty_file_among_others_is_counted_and_named(reading):
    reading.write("a.jsonl", b"")
    reading.write("b.jsonl", [GOOD])
    reading.write("c.jsonl", b"\n \n")
    assert reading("*.jsonl").counts.empty_files == ("a.jsonl", "c.jsonl")
    assert [file.n_records for file in reading.counts.files] == [0, 1, 0]


def test_a_truncated_gzip_gives_what_was_read_and_one_quarantined_record(reading):
    lines = [json.dumps({**GOOD, "x": str(i) * 50}).encode() + b"\n" for i in range(2000)]
    packed = gzip.compress(b"".join(lines))
    reading.write("log.jsonl.gz", packed[: len(packed) // 2])
    assert reading("log.jsonl.gz").counts.n_rows > 500
    (record,) = reading.quarantined
    assert record["reason"] == "broken_gzip"
    assert record["record"] == reading.counts.n_rows + 1
    assert f"what follows line {reading.counts.n_rows} is lost" in record["detail"]


def test_files_are_hashed_by_content(reading):
    for name in ("a.jsonl", "b.jsonl"):
        reading.write(name, [GOOD])
    reading.write("c.jsonl", [GOOD, GOOD])
    a, b, c = reading("*.jsonl").counts.files
    assert a.xxh3_128 == b.xxh3_128 != c.xxh3_128
    assert a.n_bytes == len(GOOD_LINE)


def test_keys_of_messages_without_a_place_are_counted(reading):
    message = {"role": "assistant", "content": "x", "refusal": None, "tool_call_id": "t"}
    reading.write("log.jsonl", [{"messages": [{"role": "user", "content": "q"}, message]}])
    assert reading().counts.ignored_message_keys == {"tool_call_id": 1}


def test_mapped_columns_that_no_record_has_are_named(reading):
    reading.write("log.jsonl", [GOOD])
    reading(columns={"model": "modle", "prompt": "prompt"})
    assert reading.counts.files[0].columns_not_found == ("modle",)


def test_a_time_that_cannot_be_parsed_stays_in_the_metadata(reading):
    reading.write("log.jsonl", [{**GOOD, "created_at": "yesterday"}, {**GOOD, "created_at": 1772431200}])
    first, second = reading().rows
    assert (first["created_at"], first["meta"]) == (None, {"created_at": "yesterday"})
    assert (second["created_at"].year, second["meta"]) == (2026, {"created_at": None})


def test_a_model_that_is_no_name_stays_in_the_metadata(reading):
    reading.write("log.jsonl", [{**GOOD, "model": {"name": "m"}, "id": [1]}])
    (row,) = reading().rows
    assert (row["model"], row["row_id"], row["meta"]) == (None, "log#1", {"model": {"name": "m"}, "id": [1]})


def test_nested_keys_are_found_and_leave_the_rest(reading):
    reading.write("log.jsonl", [{"request": {"q": "a", "ip": "x"}, "response": {"text": "b"}}])
    (row,) = reading(columns={"prompt": "request.q", "completion": "response.text"}).rows
    assert row["prompt"][0]["content"] == "a"
    assert row["completion"][0]["content"] == "b"
    assert row["meta"] == {"request": {"ip": "x"}}


@pytest.mark.slow
def test_batches_do_not_change_the_result(reading):
    reading.write("log.jsonl", [{**GOOD, "n": i, "x": {"y": [i]}} for i in range(9000)])  # two batches
    assert [row["meta"]["n"] for row in reading().rows] == list(range(9000))


_LINES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
        st.sampled_from(
            [
                GOOD_LINE.strip(),
                b"",
                b"[",
                b"]",
                b"{}",
                b"\xef\xbb\xbf",
                b'{"messages":[]}',
                b"\x1f\x8b",
                b"PAR1",
            ]
        ),
        st.dictionaries(
            st.sampled_from(
                ["prompt", "completion", "messages", "id", "meta", "created_at", "system", "a.b"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
                ),
                max_leaves=4,
            ),
        ).map(lambda record: json.dumps(record).encode()),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(lines=_LINES, suffix=st.sampled_from(["jsonl", "json", "csv", "parquet", "txt"]), good=st.booleans())
@pytest.mark.slow
def test_whatever_the_bytes_nothing_is_lost(make_reading, lines, suffix, good):
    with tempfile.TemporaryDirectory() as folder:
        reading = make_reading(Path(folder))
        data = b"\n".join(lines)
        reading.write(f"log.{suffix}", GOOD_LINE + data if good and suffix == "jsonl" else data)
        try:
            reading(f"log.{suffix}")  # the fixture checks the counts
        except KtoDataError as error:
            assert f"log.{suffix}" in str(error)  # noqa: PT017
