"""A JSON file that is one list of objects, read element by element without holding the list.

The elements are found by their brackets and quotes alone, so a broken element spoils only itself as
long as those balance; where they do not, the rest of the file is one unreadable record.
"""

import re
from collections.abc import Iterator

from kto_data.readers.byte_file import BOM, KEPT_OF_TOO_LONG, MAX_RECORD_BYTES, ByteFile, too_long
from kto_data.readers.containers import CONTAINERS
from kto_data.readers.json_text import parse_object
from kto_data.readers.record import Defect, Record, Unreadable, excerpt

_OUTSIDE_A_TEXT = re.compile(rb'["\[\]{},]')
_INSIDE_A_TEXT = re.compile(rb'["\\]')


@CONTAINERS.register("json_array")
class JsonArray:
    """One list of objects (`.json`), plain or gzipped."""

    def fits(self, file: ByteFile, head: bytes) -> bool:
        """Return whether the text starts with a list that is not just the first line of JSON lines."""
        text = head.removeprefix(BOM).lstrip()
        if not text.startswith(b"["):
            return False
        if file.extension in ("jsonl", "ndjson"):  # there, a line may be a list by mistake
            return text.partition(b"\n")[0].strip() == b"["
        return file.extension not in ("csv", "tsv")

    def columns(self, file: ByteFile) -> list[str] | None:
        """Return None: each element has its own keys."""
        return None

    def records(self, file: ByteFile) -> Iterator[Record | Unreadable]:
        """Yield a record, or why there is none, for every element."""
        scanner = _Scanner()
        number = 0
        for chunk in file.chunks():
            for data, n_bytes in scanner.feed(chunk):
                number += 1
                yield _read(number, data, n_bytes)
        rest, n_bytes = scanner.rest()
        if scanner.closed:
            if rest:
                yield Unreadable(number + 1, "not_json", "text follows the end of the list", excerpt(rest))
            return
        if rest:
            last = _read(number + 1, rest, n_bytes)
            if isinstance(last, Record):
                number += 1
                yield last
        detail = f"the file ends after record {number}, before the list is closed with ]"
        yield Unreadable(number + 1, "cut_off", detail, excerpt(rest))


def _read(number: int, data: bytes, n_bytes: int) -> Record | Unreadable:
    if n_bytes > MAX_RECORD_BYTES:
        return Unreadable(number, "too_long", too_long(n_bytes), excerpt(data))
    try:
        return Record(number, parse_object(data), data)
    except Defect as defect:
        return Unreadable(number, defect.reason, defect.detail, excerpt(data))


class _Scanner:
    """Finds the elements of a list in a stream of bytes."""

    def __init__(self) -> None:
        self.closed = False
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._parts: list[bytes] = []
        self._n_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield each element that ends in a chunk, with its length; one over the limit is cut."""
        start = position = 0
        while not self.closed:
            if self._escaped and position < len(chunk):
                self._escaped, position = False, position + 1
            found = (_INSIDE_A_TEXT if self._in_text else _OUTSIDE_A_TEXT).search(chunk, position)
            if found is None:
                break
            position = found.end()
            if self._in_text:
                self._in_text, self._escaped = found[0] == b"\\", found[0] == b"\\"
            elif found[0] == b'"':
                self._in_text = True
            elif found[0] in b"[{":
                self._depth += 1
                if self._depth == 1:
                    start = position
            elif self._depth == 1:  # a comma between elements, or the end
                self.closed = found[0] != b","
                self._keep(chunk[start : found.start()])
                start = position
                data, n_bytes = self.rest()
                if data or not self.closed:  # [] and a comma before the end are no elements
                    yield data, n_bytes
            elif found[0] != b",":
                self._depth -= 1
        self._keep(chunk[start:])

    def rest(self) -> tuple[bytes, int]:
        """Return what has been kept since the last element, with its length, and forget it."""
        data, n_bytes = b"".join(self._parts).strip(), self._n_bytes
        self._parts, self._n_bytes = [], 0
        return data, n_bytes

    def _keep(self, piece: bytes) -> None:
        self._parts.append(piece)
        self._n_bytes += len(piece)
        if self._n_bytes > MAX_RECORD_BYTES:
            self._parts = [b"".join(self._parts)[:KEPT_OF_TOO_LONG]]
