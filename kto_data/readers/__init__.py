"""Files to rows: what is readable becomes a row, what is not is quarantined with file, line and reason.

Two small registries: `containers` (JSON lines, JSON list, CSV, Parquet; plain or gzipped) and `layouts`
(how a record holds its conversation). A file of which nothing can be read (missing, binary, not what
its name says, no usable columns) stops the run before any work; a bad record never does.
"""

from kto_data.readers.counts import FileCount, ReadCounts
from kto_data.readers.entry import Columns, ReadEntry
from kto_data.readers.inputs import InputFile, expand
from kto_data.readers.read import read_records

__all__ = [
    "Columns",
    "FileCount",
    "InputFile",
    "ReadCounts",
    "ReadEntry",
    "expand",
    "read_records",
]
