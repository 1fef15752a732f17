"""Rules on data files, kept with the rows: what `kto rules report` and `kto rules diff` look at."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.labelers.rules.engine import missing_columns
from kto_data.labelers.rules.fast.workers import RowsSource
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.pipeline.label_files import vote
from kto_data.readers import ReadEntry, read_records
from kto_data.schema import VOTE_NAMES
from kto_data.tables import add_view, database

NOT_APPLICABLE = -128
"""In place of a vote where a rule is not applicable or failed."""
_BATCH_ROWS = 4096

Votes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RowsOfFiles:
    """Data files as rows.

    Attributes:
        path: The rows, as Parquet.
        n_rows: Their number.
        n_quarantined: Records that could not be read.
    """

    path: Path
    n_rows: int
    n_quarantined: int


@dataclass(frozen=True, slots=True)
class RulesOnData:
    """What rules voted on rows.

    Attributes:
        rules: The rules.
        rows: The rows, as Parquet.
        votes: Their wide block; its rows are in the order of `rows`.
        faults: What failed.
        n_rows: Rows that they saw.
        n_faults: How often each failed, of those that did.
        notes: What the user should know, such as a column that a rule reads and no row has.
    """

    rules: RuleSet
    rows: Path
    votes: Path
    faults: Path
    n_rows: int
    n_faults: Counter[str]
    notes: Sequence[str]

    def batches(self) -> Iterator[tuple[int, Votes]]:
        """Yield the first row and the votes [M rules, rows] of one batch after another."""
        first = 0
        with pq.ParquetFile(self.votes) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=list(self.rules.ids), use_threads=False):
                votes_MN = np.empty((len(self.rules.ids), batch.num_rows), dtype=np.int8)
                for number, column in enumerate(batch.columns):
                    votes_MN[number] = pc.fill_null(column, NOT_APPLICABLE).to_numpy()
                yield first, votes_MN
                first += batch.num_rows

    def fires_at(self, places: Sequence[int]) -> Bools:
        """Return which rules fire on some rows, in ascending order [M, rows]."""
        wanted = np.array(places, dtype=np.int64)
        found = np.zeros((len(self.rules.ids), len(wanted)), dtype=bool)
        for first, votes_MN in self.batches():
            low, high = np.searchsorted(wanted, (first, first + votes_MN.shape[1]))
            here = votes_MN[:, wanted[low:high] - first]
            for m, rule in enumerate(self.rules.rules):
                found[m, low:high] = fired(rule, here[m])
        return found

    def rows_of_samples(self, samples: Sequence[str]) -> dict[str, str]:
        """Return the first row of each of some samples."""
        if not samples:
            return {}
        with database(self.votes.parent) as con:
            add_view(con, "rows", self.rows)
            con.execute(
                "CREATE TABLE wanted AS SELECT unnest(?::VARCHAR[]) AS sample_id", [sorted(set(samples))]
            )
            found = con.execute(
                "SELECT sample_id, min(row_id) FROM rows SEMI JOIN wanted USING (sample_id) GROUP BY sample_id"
            ).fetchall()
        return {str(sample): str(row) for sample, row in found}


def read_rows(files: ReadEntry, scratch: Path) -> RowsOfFiles:
    """Read data files into one table of rows.

    Raises:
        InputError: A file is missing, or nothing of it can be read.
    """
    path = scratch / "rows.parquet"
    read = read_records(
        [files],
        base=Path(),
        rows_path=path,
        quarantined_path=scratch / "quarantined.parquet",
        advance=lambda n_rows: None,
        quarantined_is_kept=False,
    )
    return RowsOfFiles(path, read.n_rows, read.n_quarantined)


def vote_on(rules: RuleSet, rows: Path, scratch: Path, *, workers: int) -> RulesOnData:
    """Let rules vote on rows; what they leave is in `scratch`, which is theirs alone."""
    counts = vote(rules, RowsSource(rows), workers, scratch)
    return RulesOnData(
        rules,
        rows,
        scratch / "votes.parquet",
        scratch / "faults.parquet",
        counts.n_rows,
        counts.n_faults,
        missing_columns(rules, pq.read_schema(rows)),
    )


def fired(rule: Rule, votes_N: Votes) -> Bools:
    """Return where a rule fired, as far as its votes tell: those of `otherwise` do not count."""
    if not isinstance(rule.vote, int) or rule.vote == VOTE_NAMES[rule.options.otherwise]:
        return np.isin(votes_N, (1, -1))
    return np.equal(votes_N, rule.vote)


def fetch_rows(rows: Path, row_ids: Sequence[str], scratch: Path) -> dict[str, Row]:
    """Return some rows by their ids."""
    if not row_ids:
        return {}
    with database(scratch) as con:
        add_view(con, "rows", rows)
        con.execute("CREATE TABLE wanted AS SELECT unnest(?::VARCHAR[]) AS row_id", [sorted(set(row_ids))])
        found: pa.Table = con.sql("SELECT rows.* FROM rows SEMI JOIN wanted USING (row_id)").to_arrow_table()
    return {row.row_id: row for row in rows_of(found)}


def ids_at(table: Path, places: Sequence[int], column: str = "row_id") -> dict[int, Any]:
    """Return the values of a column at some rows of a table."""
    wanted = np.array(sorted(set(places)), dtype=np.int64)
    found: dict[int, Any] = {}
    first = 0
    with pq.ParquetFile(table) as parquet:
        for batch in parquet.iter_batches(65_536, columns=[column], use_threads=False):
            low, high = np.searchsorted(wanted, (first, first + batch.num_rows))
            here = wanted[low:high]
            found.update(
                zip(here.tolist(), batch.column(0).take(pa.array(here - first)).to_pylist(), strict=True)
            )
            first += batch.num_rows
    return found
