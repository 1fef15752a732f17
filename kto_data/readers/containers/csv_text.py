"""CSV and TSV with a header line. Every cell is a text; an empty one is null."""

import csv
from collections.abc import Iterator
from typing import Any

from kto_data.readers.byte_file import (
    BOM,
    MAX_RECORD_BYTES,
    BrokenStreamError,
    ByteFile,
    Line,
    lines,
    too_long,
)
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.record import Defect, Record, Unreadable, excerpt

_SEPARATORS = ",;\t|"


@CONTAINERS.register("csv")
class Csv:
    """Separated values (`.csv`, `.tsv`), plain or gzipped; the separator is the header's commonest."""

    def fits(self, file: ByteFile, head: bytes) -> bool:
        """Return whether the extension says so."""
        return file.extension in ("csv", "tsv") and not head.startswith(b"PAR1")

    def columns(self, file: ByteFile) -> list[str] | None:
        """Return the header."""
        return _open(file)[0]

    def records(self, file: ByteFile) -> Iterator[Record | Unreadable]:
        """Yield a record, or why there is none, for every row after the header."""
        header, rows, text = _open(file)
        number = 0
        while True:
            text.first = text.last + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                yield Unreadable(number, *_explain(error, text), excerpt(text.shown))
                continue
            except Defect as defect:
                number += 1
                yield Unreadable(number, defect.reason, defect.detail, excerpt(text.shown))
                continue
            if cells in ([], [""]):  # a blank line
                continue
            number += 1
            yield _read(number, header, cells, text)


class _Text:
    """The lines of a file as text for csv; goes on after an error, which a generator could not.

    Attributes:
        first: The line where the row that is being read begins.
        last: The last line handed out.
        shown: The beginning of the row's last line.
    """

    def __init__(self, file: ByteFile) -> None:
        self.first = self.last = 0
        self.shown = b""
        self._lines: Iterator[Line] = lines(file.chunks())

    def __iter__(self) -> "_Text":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.last, self.shown = line.number, line.data[:1024]
        if line.n_bytes > MAX_RECORD_BYTES:
            raise Defect("too_long", f"line {line.number}: {too_long(line.n_bytes)}")
        # bytes that are not UTF-8 pass as surrogates, so that they spoil their own row only
        return line.data.decode("utf-8", errors="surrogateescape")


def _open(file: ByteFile) -> tuple[list[str], Iterator[list[str]], _Text]:
    # the limit is the process's; a completion may be longer than csv's default of 128 KiB
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES))
    first = (
        file.head().removeprefix(BOM).lstrip(b"\r\n").partition(b"\n")[0].decode("utf-8", errors="replace")
    )
    separator = "\t" if file.extension == "tsv" else max(_SEPARATORS, key=first.count)
    text = _Text(file)
    rows = csv.reader(text, delimiter=separator, strict=True)
    try:
        header = next((cells for cells in rows if cells), [])
    except (csv.Error, Defect, BrokenStreamError) as error:
        raise FileProblemError(f"its header line cannot be read: {error}") from None
    names = [name.strip() for name in header]
    if not _is_utf8("".join(names)):
        raise FileProblemError("its header line is not UTF-8; save it as UTF-8")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileProblemError(f"its header names a column twice: {', '.join(map(repr, twice))}")
    return names, rows, text


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _explain(error: csv.Error, text: _Text) -> tuple[str, str]:
    where = f"line {text.first}" if text.first >= text.last else f"lines {text.first} to {text.last}"
    if "field limit" in str(error):
        return "too_long", f"{where}: a field of more than {MAX_RECORD_BYTES:,} characters"
    if "unexpected end" in str(error):
        return "bad_quoting", f"{where}: a quote is opened and never closed"
    return "bad_quoting", f"{where}: {error}"


def _read(number: int, header: list[str], cells: list[str], text: _Text) -> Record | Unreadable:
    raw = ",".join(cells).encode("utf-8", errors="surrogateescape") if len(cells) != len(header) else None
    if raw is not None:
        detail = f"line {text.first}: {len(cells)} fields, but the header has {len(header)}"
        return Unreadable(number, "wrong_number_of_fields", detail, excerpt(raw))
    record: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if not _is_utf8(cell):
            detail = f"line {text.first}, column {name!r}: not UTF-8"
            return Unreadable(number, "not_utf8", detail, excerpt(text.shown))
        record[name] = cell or None
    return Record(number, record)
