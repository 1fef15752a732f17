"""JSON lines: one object a line. Blank lines are no records; a record's number is its line."""

from collections.abc import Iterator

from kto_data.readers.byte_file import MAX_RECORD_BYTES, ByteFile, lines, too_long
from kto_data.readers.containers import CONTAINERS
from kto_data.readers.json_text import parse_object
from kto_data.readers.record import Defect, Record, Unreadable, excerpt


@CONTAINERS.register("jsonl")
class Jsonl:
    """JSON lines (`.jsonl`, `.ndjson`, also `.json` and any other text), plain or gzipped."""

    def fits(self, file: ByteFile, head: bytes) -> bool:
        """Return False: this is what remains when nothing else fits."""
        return False

    def columns(self, file: ByteFile) -> list[str] | None:
        """Return None: each line has its own keys."""
        return None

    def records(self, file: ByteFile) -> Iterator[Record | Unreadable]:
        """Yield a record, or why there is none, for every line that is not blank."""
        for line in lines(file.chunks()):
            if line.n_bytes > MAX_RECORD_BYTES:
                yield Unreadable(line.number, "too_long", too_long(line.n_bytes), excerpt(line.data))
                continue
            data = line.data.strip(b" \t\r\n")
            if not data:
                continue
            try:
                yield Record(line.number, parse_object(data), data)
            except Defect as defect:
                yield Unreadable(line.number, defect.reason, defect.detail, excerpt(data))
