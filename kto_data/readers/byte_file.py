"""The bytes of an input file, unpacked, and cut into lines; in pieces, so a file may be of any size."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_RECORD_BYTES = 64 * 2**20
"""A longer line (or array element, or CSV field) is quarantined, and never held in memory as a whole."""

KEPT_OF_TOO_LONG = 1024
"""Bytes that stay of a line over the limit, for its excerpt."""

HEAD_BYTES = 64 * 1024
"""What is looked at to tell what a file is."""

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"

_CHUNK = 256 * 1024
_MAX_UNPACKED = 4 * 2**20  # a piece of a gzip bomb unpacks to a thousand times its size


class BrokenStreamError(Exception):
    """A compressed file that breaks off or is damaged; what came before has been handed out."""


@dataclass(frozen=True, slots=True)
class ByteFile:
    """An input file on disk.

    Attributes:
        path: Where it is.
        gzipped: Whether it starts as a gzip file, whatever its name says.
        extension: Of the name without `.gz`, lower case and without the dot; may be empty.
    """

    path: Path
    gzipped: bool
    extension: str

    def chunks(self) -> Iterator[bytes]:
        """Yield the unpacked bytes.

        Raises:
            BrokenStreamError: The gzip data end too early or are damaged.
        """
        return _gunzip(self.path) if self.gzipped else _read(self.path)

    def head(self) -> bytes:
        """Return the first bytes, unpacked; of a gzip file that breaks off at once, nothing."""
        head = b""
        try:
            for chunk in self.chunks():
                head += chunk
                if len(head) >= HEAD_BYTES:
                    break
        except BrokenStreamError:
            pass  # reading it will meet the same break, and record it
        return head[:HEAD_BYTES]


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _gunzip(path: Path) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    for piece in _read(path):
        while piece:
            if decoder.eof:  # another member, or padding
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                decoder = zlib.decompressobj(wbits=31)
            before = decoder.copy()
            try:
                unpacked = decoder.decompress(piece, _MAX_UNPACKED)
            except zlib.error as error:
                yield _up_to_the_damage(before, piece)
                raise BrokenStreamError(f"the gzip data are damaged ({error})") from None
            if unpacked:
                yield unpacked
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if not decoder.eof:
        yield decoder.flush()
        raise BrokenStreamError("the gzip data end too early, as after an interrupted copy")


def _up_to_the_damage(decoder: "zlib._Decompress", piece: bytes) -> bytes:
    """Return what a piece unpacks to before its error: zlib gives nothing of a call that fails."""
    unpacked = bytearray()
    try:
        for i in range(len(piece)):
            unpacked += decoder.decompress(piece[i : i + 1])
    except zlib.error:
        pass  # reported by the caller
    return bytes(unpacked)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: From 1.
        data: Its bytes with the line end; of a line over the limit only the first ones.
        n_bytes: Its true length.
    """

    number: int
    data: bytes
    n_bytes: int


def lines(chunks: Iterator[bytes], limit: int = MAX_RECORD_BYTES) -> Iterator[Line]:
    r"""Cut bytes into lines at `\n`; a byte order mark at the start is left out.

    >>> [(line.number, line.data) for line in lines(iter([b"a\nb", b"c\n\nd"]))]
    [(1, b'a\n'), (2, b'bc\n'), (3, b'\n'), (4, b'd')]
    """
    number, parts, n_bytes = 1, [b""], 0
    first = True
    for chunk in chunks:
        if first and chunk:
            chunk, first = chunk.removeprefix(BOM), False
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            n_bytes += len(piece) + 1
            parts.append(piece + b"\n")
            yield Line(number, _joined(parts, n_bytes, limit), n_bytes)
            number, parts, n_bytes = number + 1, [], 0
        n_bytes += len(rest)
        parts.append(rest)
        if n_bytes > limit:
            parts = [b"".join(parts)[:KEPT_OF_TOO_LONG]]
    if n_bytes:
        yield Line(number, _joined(parts, n_bytes, limit), n_bytes)


def _joined(parts: list[bytes], n_bytes: int, limit: int) -> bytes:
    data = b"".join(parts)
    return data if n_bytes <= limit else data[:KEPT_OF_TOO_LONG]


def too_long(n_bytes: int) -> str:
    """Return the words for a record over the limit."""
    return f"{n_bytes:,} bytes; at most {MAX_RECORD_BYTES:,} are read as one record"
