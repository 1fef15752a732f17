"""Finding and checking the files before any work."""

import gzip
import os
import pickle
import tempfile
from pathlib import Path

import pytest

from kto_data.errors import InputError
from kto_data.readers import ReadEntry, expand

GOOD = b'{"prompt": "a", "completion": "b"}\n'


def write(folder, *names, content=GOOD):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def problems(folder, *paths, **options):
    with pytest.raises(InputError) as caught:
        expand([ReadEntry(path=path, **options) for path in paths], folder)
    return str(caught.value)


def test_globs_give_their_files_by_name_and_each_once(tmp_path):
    write(tmp_path, "b.jsonl", "a.jsonl", "deep/er/c.jsonl")
    files = expand([ReadEntry(path=["*.jsonl", "a.jsonl", "**/*.jsonl"])], tmp_path)
    assert [file.name for file in files] == ["a.jsonl", "b.jsonl", "deep/er/c.jsonl"]


def test_a_name_that_looks_like_a_glob_but_exists_is_taken_literally(tmp_path):
    write(tmp_path, "a[1].jsonl", "a1.jsonl")
    assert [file.name for file in expand([ReadEntry(path="a[1].jsonl")], tmp_path)] == ["a[1].jsonl"]


@pytest.mark.parametrize("path", ["$KTO_TEST_PLACE/x.jsonl", "${KTO_TEST_PLACE}/x.jsonl"])
def test_variables_come_from_the_environment(tmp_path, monkeypatch, path):
    write(tmp_path, "in/x.jsonl")
    monkeypatch.setenv("KTO_TEST_PLACE", str(tmp_path / "in"))
    assert [file.path.name for file in expand([ReadEntry(path=path)], tmp_path)] == ["x.jsonl"]


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("KTO_TEST_PLACE", raising=False)
    text = problems(tmp_path, "$KTO_TEST_PLACE/x.jsonl")
    assert "read[0].path: $KTO_TEST_PLACE/x.jsonl: the environment variable KTO_TEST_PLACE is not set" in text


def test_every_problem_of_every_entry_is_told_at_once(tmp_path):
    write(tmp_path, "logs/jan.jsonl", "logs/feb.jsonl", "good.jsonl")
    write(tmp_path, "image.jsonl", content=b"\x89PNG\r\n\x1a\n" + bytes(100))
    text = problems(tmp_path, "logs", "logs/jna.jsonl", "old/*.jsonl", "image.jsonl", "good.jsonl")
    assert text.splitlines() == [
        "read[0].path: logs: is a folder; name its files, such as logs/*.jsonl",
        "read[1].path: logs/jna.jsonl: no such file; did you mean 'jan.jsonl'?",
        f"read[2].path: old/*.jsonl: no file matches; there is no folder old in {tmp_path}",
        "image.jsonl: is a PNG image",
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", pickle.dumps({"prompt": "a" * 100}), "is a Python pickle, which is never loaded"),
        ("x.jsonl", bytes(1000), "is a binary file"),
        ("x.jsonl", b"a\0" * 500, "is a binary file"),
        ("x.jsonl", '{"a": 1}'.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("x.jsonl.gz", GOOD, "is named .gz but is not gzip"),
        (
            "x.jsonl.gz",
            gzip.compress(GOOD, mtime=0)[:10],
            "nothing of it can be read: the gzip data end too early",
        ),
        ("x.jsonl.gz", b"\x1f\x8b" + bytes(50), "nothing of it can be read: the gzip data are damaged"),
        ("x.jsonl.gz", gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), "is gzipped twice"),
        ("x.parquet", GOOD, "not a Parquet file that can be read"),
        ("x.parquet", b"PAR1" + bytes(100) + b"PAR1", "not a Parquet file that can be read"),
        (
            "x.csv",
            b"question,completion\na,b\n",
            "has no column 'prompt'; its columns are: question, completion",
        ),
        ("x.csv", b"promt,completion\na,b\n", "did you mean 'promt'?"),
        ("x.csv", b"a,a\n1,2\n", "its header names a column twice: 'a'"),
        ("x.csv", b'"a,b\n1,2\n', "its header line cannot be read"),
        ("x.csv", b"\xff,b\n1,2\n", "its header line is not UTF-8"),
    ],
)
def test_a_file_of_which_nothing_is_readable_is_an_error_that_names_it(tmp_path, name, content, problem):
    write(tmp_path, name, content=content)
    text = problems(tmp_path, name)
    assert text.startswith(f"{name}: ")
    assert problem in text


def test_input_that_is_all_empty_is_an_error_that_names_each_file(tmp_path):
    write(tmp_path, "a.jsonl", content=b"")
    write(tmp_path, "b.jsonl", content=b" \r\n\n")
    write(tmp_path, "c.jsonl.gz", content=gzip.compress(b""))
    lines = problems(tmp_path, "*.jsonl*").splitlines()
    assert lines == ["a.jsonl: is empty", "b.jsonl: is empty", "c.jsonl.gz: is empty"]


def test_a_file_named_by_two_entries_is_an_error(tmp_path):
    write(tmp_path, "a.jsonl")
    assert "a.jsonl: is named twice, by read[0] and read[1]" in problems(tmp_path, "a.jsonl", "*.jsonl")


def test_links_to_nothing_pipes_and_impossible_names_are_errors(tmp_path):
    (tmp_path / "link.jsonl").symlink_to("nowhere")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    text = problems(tmp_path, "link.jsonl", "loop.jsonl", "pipe.jsonl", "a\0b", "x" * 5000)
    assert "link.jsonl: is a link to nothing" in text
    assert "loop.jsonl: is a link to nothing" in text
    assert "pipe.jsonl: is no regular file" in text
    assert "a path cannot hold a NUL character" in text
    assert "x: cannot be opened: File name too long" in text


def test_a_file_that_may_not_be_read_is_an_error():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder, "secret.jsonl", "barred/x.jsonl")
        (folder / "secret.jsonl").chmod(0)
        (folder / "barred").chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may read everything
        try:
            text = problems(folder, "secret.jsonl", "barred/x.jsonl")
        finally:
            os.seteuid(user)
            (folder / "barred").chmod(0o755)
    assert "secret.jsonl: cannot be opened: Permission denied" in text
    assert "barred/x.jsonl: cannot be opened: Permission denied" in text


@pytest.mark.parametrize(
    ("names", "source", "expected"),
    [
        (["log.jsonl.gz"], None, ["log"]),
        (["a/log.jsonl", "b/log.jsonl"], None, ["a/log", "b/log"]),
        (["log.jsonl", "log.json"], None, ["log", "log~2"]),
        (["a.jsonl"], "support", ["support"]),
        (["a.jsonl", "b.jsonl"], "support", ["support/a", "support/b"]),
        (["x/a.jsonl", "y/a.jsonl"], "support", ["support/x/a", "support/y/a"]),
    ],
)
def test_sources_are_names_that_no_two_files_share(tmp_path, names, source, expected):
    write(tmp_path, *names)
    for name in names:
        if name.endswith(".gz"):
            write(tmp_path, name, content=gzip.compress(GOOD))
    files = expand([ReadEntry(path=names, source=source)], tmp_path)
    assert [file.source for file in files] == expected


@pytest.mark.parametrize(
    ("name", "content", "container"),
    [
        ("x.jsonl", GOOD, "jsonl"),
        ("x.ndjson", b"[1]\n" + GOOD, "jsonl"),
        ("x.json", GOOD, "jsonl"),
        ("x.json", b"\xef\xbb\xbf [" + GOOD + b"]", "json_array"),
        ("x.jsonl", b"[\n" + GOOD + b"]", "json_array"),
        ("x", GOOD, "jsonl"),
        ("x.csv", b"prompt,completion\n", "csv"),
        ("x.TSV", b"prompt\tcompletion\n", "csv"),
        ("x.jsonl", gzip.compress(GOOD, mtime=0), "jsonl"),
    ],
)
def test_what_a_file_is_follows_from_its_name_and_first_bytes(tmp_path, name, content, container):
    write(tmp_path, name, content=content)
    write(tmp_path, "other.jsonl")
    files = expand([ReadEntry(path=[name, "other.jsonl"])], tmp_path)
    assert files[0].container == container
