"""Bytes in pieces: gzip and lines."""

import gzip

import pytest

from kto_data.readers.byte_file import BrokenStreamError, ByteFile, lines

TEXT = b"".join(b"line %d of some text\n" % i for i in range(5000))


def unpack(path):
    """Return what could be read, and whether it broke off."""
    got = bytearray()
    try:
        for chunk in ByteFile(path, gzipped=True, extension="jsonl").chunks():
            got += chunk
    except BrokenStreamError:
        return bytes(got), True
    return bytes(got), False


@pytest.mark.parametrize("cut", [1, 8, 9, 1000, 5000])
def test_a_gzip_cut_anywhere_gives_a_beginning_of_its_text(tmp_path, cut):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(TEXT)[:-cut])
    got, broken = unpack(path)
    assert broken
    assert TEXT.startswith(got)
    assert len(got) > len(TEXT) // 3


def test_a_damaged_byte_costs_what_follows_it_only(tmp_path):
    data = bytearray(gzip.compress(TEXT))
    data[len(data) // 2 : len(data) // 2 + 50] = b"\xff" * 50
    (tmp_path / "x.gz").write_bytes(bytes(data))
    got, broken = unpack(tmp_path / "x.gz")
    assert broken
    assert len(got) > len(TEXT) // 3
    assert TEXT.startswith(got[: len(TEXT) // 3])


def test_a_gzip_bomb_comes_in_pieces(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes(20_000_000)))
    sizes = [len(chunk) for chunk in ByteFile(path, gzipped=True, extension="").chunks()]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 4 * 2**20


def test_a_line_over_the_limit_is_cut_and_its_length_kept():
    long = [b"a" * 600] * 10
    found = list(lines(iter([*long, b"\nb\n"]), limit=2000))
    assert [(line.number, len(line.data), line.n_bytes) for line in found] == [(1, 1024, 6001), (2, 2, 2)]
