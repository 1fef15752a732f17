"""One row of a data file, by its sample, its id, or its place."""

import tempfile
from pathlib import Path

from kto_data.errors import InputError
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.pipeline.rule_tools.on_data import read_rows
from kto_data.readers import ReadEntry
from kto_data.tables import add_view, database


def find_row(files: ReadEntry, wanted: str) -> Row:
    """Return a row of a data file.

    Args:
        files: What to read, and how.
        wanted: A sample_id, a row_id, or the native id at its end (`7` of `log#7`).

    Raises:
        InputError: The file cannot be read, or has no such row.
    """
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as name:
        rows = read_rows(files, Path(name))
        with database(Path(name)) as con:
            add_view(con, "rows", rows.path)
            found = con.sql(
                "SELECT * FROM rows WHERE sample_id = $1 OR row_id = $1 OR ends_with(row_id, '#' || $1) LIMIT 1",
                params=[wanted],
            ).to_arrow_table()
            if not found.num_rows:
                example = con.execute("SELECT row_id, sample_id FROM rows LIMIT 1").fetchall()[0]
                raise InputError(
                    f"{', '.join(files.paths)}: has no sample or row {wanted!r}; its first row is {example[0]}, sample {example[1]}"
                )
            return next(rows_of(found))
