"""CSV and TSV."""

import pytest


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b'prompt,completion,note\na,"b, ""c""\nd",\n'),
        ("x.csv", b'\xef\xbb\xbfprompt,completion,note\r\na,"b, ""c""\nd",\r\n'),
        ("x.csv", b'prompt;completion;note\na;"b, ""c""\nd";\n'),
        ("x.tsv", b'prompt\tcompletion\tnote\na\t"b, ""c""\nd"\t\n\n'),
    ],
)
def test_cells_are_texts_and_an_empty_one_is_null(reading, name, content):
    reading.write(name, content)
    (row,) = reading(name).rows
    assert row["completion"][0]["content"] == 'b, "c"\nd'
    assert row["meta"] == {"note": None}


def test_cells_keep_their_spelling(reading):
    reading.write("x.csv", b"prompt,completion,n\na,b,007\n")
    assert reading("x.csv").rows[0]["meta"] == {"n": "007"}


def test_messages_stand_as_json_in_a_cell(reading):
    reading.write(
        "x.csv",
        b"messages\n"
        b'"[{""role"": ""user"", ""content"": ""q""}, {""role"": ""assistant"", ""content"": ""a""}]"\n'
        b"not json\n",
    )
    assert reading("x.csv").rows[0]["completion"][0]["content"] == "a"
    assert reading.reasons == ["wrong_type"]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (b"a", "wrong_number_of_fields", "line 3: 1 fields, but the header has 2"),
        (b"a,b,c", "wrong_number_of_fields", "3 fields"),
        (b'a,"b"c', "bad_quoting", "line 3: "),
        (b"a,\xff", "not_utf8", "column 'completion'"),
        (b"a,", "no_completion", "completion"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_next_one_read(reading, row, reason, detail):
    reading.write("x.csv", b"prompt,completion\na,b\n" + row + b"\nc,d\n")
    assert reading("x.csv").counts.n_rows == 2
    (record,) = reading.quarantined
    assert (record["record"], record["reason"]) == (2, reason)
    assert detail in record["detail"]


def test_a_quote_that_is_never_closed_names_the_lines_it_swallows(reading):
    reading.write("x.csv", b'prompt,completion\na,b\nc,"d\ne,f\ng,h\n')
    assert reading("x.csv").counts.n_rows == 1
    assert reading.quarantined[0]["detail"] == "lines 3 to 5: a quote is opened and never closed"


def test_a_cell_of_a_megabyte_is_read(reading):
    reading.write("x.csv", b"prompt,completion\na," + b"b" * 1_000_000 + b"\n")
    assert len(reading("x.csv").rows[0]["completion"][0]["content"]) == 1_000_000
