"""Files of any readable kind to the tables `rows` and `quarantined`, in batches."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kto_data.errors import InputError
from kto_data.readers.byte_file import BrokenStreamError
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.counts import FileCount, ReadCounts
from kto_data.readers.entry import ReadEntry
from kto_data.readers.inputs import InputFile, expand
from kto_data.readers.meta import Shape
from kto_data.readers.record import Defect, Record, Unreadable, excerpt
from kto_data.readers.rows import RowMaker
from kto_data.readers.tables import TableWriter, type_metadata, untyped_rows_schema
from kto_data.runs.files import hash_file
from kto_data.schema import QUARANTINED

_REPORT_EVERY = 500
_EXAMPLES = 3


def read_records(
    entries: Sequence[ReadEntry],
    *,
    base: Path,
    rows_path: Path,
    quarantined_path: Path,
    advance: Callable[[int], None],
    quarantined_is_kept: bool = True,
) -> ReadCounts:
    """Read every record of every file into one of two tables.

    Memory stays within a batch (see `tables`) and the largest record, beside about 100 bytes for
    each native id of the file that is being read.

    Args:
        entries: What to read, and how.
        base: The folder that their paths are relative to.
        rows_path: The Parquet file that gets the rows; replaced.
        quarantined_path: The Parquet file that gets what could not be read, with reasons; replaced.
        advance: Called with the number of records since the last call.
        quarantined_is_kept: The caller leaves that file where it is when nothing can be read; then the error names it.

    Raises:
        InputError: A file is missing or nothing of it can be read (before any work), or the input
            as a whole has no usable record; then the quarantined ones are written all the same.
    """
    files = expand(entries, base)
    untyped = rows_path.with_name(rows_path.name + ".untyped")
    run = _Run(advance)
    try:
        with (
            TableWriter(untyped, untyped_rows_schema()) as rows,
            TableWriter(quarantined_path, QUARANTINED) as quarantined,
        ):
            for file in files:
                run.read_file(file, rows, quarantined)
        run.refuse_nothing(quarantined_path if quarantined_is_kept else None)
        type_metadata(untyped, rows_path, run.shape)
    finally:
        untyped.unlink(missing_ok=True)
    return run.counts()


class _Run:
    """The counts of a run while it reads."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self.shape = Shape()
        self._advance = advance
        self._since = 0
        self._files: list[FileCount] = []
        self._empty: list[str] = []
        self._reasons: Counter[str] = Counter()
        self._examples: list[str] = []
        self._ignored: Counter[str] = Counter()
        self._n_repeated = 0

    def read_file(self, file: InputFile, rows: TableWriter, quarantined: TableWriter) -> None:
        """Read one file into the tables."""
        maker = RowMaker(file.entry, file.source, self.shape, self._ignored)
        n_rows = n_quarantined = 0
        for item in _items(file):
            unreadable = item if isinstance(item, Unreadable) else _add_row(item, maker, rows)
            if unreadable is None:
                n_rows += 1
            else:
                n_quarantined += 1
                quarantined.add(self._quarantine(file, unreadable), n_bytes=1000)
            self._since += 1
            if self._since >= _REPORT_EVERY:
                self._report()
        self._report()
        if n_rows + n_quarantined == 0:
            self._empty.append(file.name)
        self._n_repeated += maker.n_repeated_ids
        self._files.append(
            FileCount(
                name=file.name,
                source=file.source,
                n_bytes=file.path.stat().st_size,
                xxh3_128=hash_file(file.path),
                n_records=n_rows + n_quarantined,
                n_rows=n_rows,
                n_quarantined=n_quarantined,
                columns_not_found=maker.columns_not_found() if n_rows + n_quarantined else (),
            )
        )

    def refuse_nothing(self, quarantined_path: Path | None) -> None:
        """Raise an `InputError` if no record of the whole input became a row."""
        if any(file.n_rows for file in self._files):
            return
        names = ", ".join(file.name for file in self._files[:5]) + (", ..." if len(self._files) > 5 else "")
        if not self._reasons:
            raise InputError(f"{names}: no records in the input")
        n = sum(self._reasons.values())
        raise InputError(
            f"{names}: none of the {n} records can be read; the first:\n"
            + "\n".join(self._examples)
            + (f"\nall of them, with reasons: {quarantined_path}" if quarantined_path else "")
        )

    def counts(self) -> ReadCounts:
        """Return what the run came to."""
        return ReadCounts(
            n_records=sum(file.n_records for file in self._files),
            n_rows=sum(file.n_rows for file in self._files),
            n_quarantined=sum(file.n_quarantined for file in self._files),
            quarantined_by_reason=dict(self._reasons.most_common()),
            files=tuple(self._files),
            empty_files=tuple(self._empty),
            meta_types={field.name: str(field.type) for field in self.shape.meta_type()},
            meta_as_json=dict(self.shape.json_places()),
            n_repeated_ids=self._n_repeated,
            ignored_message_keys=dict(self._ignored.most_common()),
        )

    def _quarantine(self, file: InputFile, item: Unreadable) -> dict[str, Any]:
        self._reasons[item.reason] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(f"  {file.name}, record {item.number}: {item.reason}: {item.detail}")
        return {
            "file": file.name,
            "record": item.number,
            "reason": item.reason,
            "detail": item.detail,
            "excerpt": item.excerpt,
        }

    def _report(self) -> None:
        if self._since:
            self._advance(self._since)
        self._since = 0


def _items(file: InputFile) -> Iterator[Record | Unreadable]:
    """Yield a file's records; where its bytes break off, that is one unreadable record more."""
    if file.file is None:
        return
    last = 0
    try:
        for item in CONTAINERS.get(file.container)().records(file.file):
            last = item.number
            yield item
    except BrokenStreamError as error:
        word = "line" if file.container == "jsonl" else "record"
        yield Unreadable(last + 1, "broken_gzip", f"{error}; what follows {word} {last} is lost")
    except (FileProblemError, OSError) as error:
        raise InputError(f"{file.name}: changed or failed while it was read: {error}") from None


def _add_row(record: Record, maker: RowMaker, rows: TableWriter) -> Unreadable | None:
    """Add a record's row, or return why it has none."""
    try:
        row, n_bytes = maker.make(record)
    except Defect as defect:
        shown = record.raw if record.raw is not None else json.dumps(record.value, ensure_ascii=False)
        return Unreadable(record.number, defect.reason, defect.detail, excerpt(shown))
    rows.add(row, n_bytes)
    return None
