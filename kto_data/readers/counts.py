"""What reading came to: exact counts, for every file and the run."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileCount:
    """What one file came to.

    Attributes:
        name: The file as messages call it.
        source: The name in front of its row ids.
        n_bytes: Its size on disk.
        xxh3_128: The hash of its bytes on disk.
        n_records: Its records; 0 for a file without content.
        n_rows: Those that became rows.
        n_quarantined: Those that could not be read.
        columns_not_found: Keys that `columns:` names and that no record had.
    """

    name: str
    source: str
    n_bytes: int
    xxh3_128: str
    n_records: int
    n_rows: int
    n_quarantined: int
    columns_not_found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """What a run read; always n_records == n_rows + n_quarantined.

    Attributes:
        n_records: Records of all files.
        n_rows: Those that became rows.
        n_quarantined: Those that could not be read.
        quarantined_by_reason: Their number by reason, the most frequent first.
        files: Every file.
        empty_files: The names of those without content.
        meta_types: The type of each metadata column.
        meta_as_json: The places in the metadata that are kept as JSON text, and why.
        n_repeated_ids: Rows whose record came with an id that another had before.
        ignored_message_keys: Keys of messages that have no place in the rows, and how often they had a value.
    """

    n_records: int
    n_rows: int
    n_quarantined: int
    quarantined_by_reason: Mapping[str, int]
    files: tuple[FileCount, ...]
    empty_files: tuple[str, ...]
    meta_types: Mapping[str, str]
    meta_as_json: Mapping[str, str]
    n_repeated_ids: int
    ignored_message_keys: Mapping[str, int]
