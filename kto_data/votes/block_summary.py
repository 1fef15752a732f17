"""A summary of one wide block of rule votes, for any number of rows and rules: counted as the votes stream by."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.tables import database
from kto_data.votes.labelers import Labeler, LabelerSummary

_MEMORY = "400MB"
_BATCH_ROWS = 4096
_FEW_ROWS = 10_000  # DuckDB takes longer to start than these to count
_POOL_CELLS = 1 << 25  # pooled votes kept at a time; each takes 2 bytes, of rules about events 6

Votes = npt.NDArray[np.int8]
Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def summarise_block(
    labelers: Sequence[Labeler], block: Path, *, n_rows: int, n_faults: Mapping[str, int]
) -> list[LabelerSummary]:
    """Return a summary of each rule: what `summarise` makes of the same votes.

    Args:
        labelers: The rules, in the order of the block's columns; none has a cap.
        block: Their votes.
        n_rows: The rows that they were asked about.
        n_faults: How often each failed, of those that did.
    """
    tally = _Tally(block, labelers)
    return [
        LabelerSummary(
            labeler=labeler.name,
            kind=labeler.kind,
            mode=labeler.mode,
            n_desirable=up,
            n_undesirable=down,
            n_abstain=abstain,
            n_not_applicable=n_rows - up - down - abstain - n_faults.get(labeler.name, 0),
            n_faults=n_faults.get(labeler.name, 0),
            coverage=coverage,
            overlap=overlap,
            conflict=conflict,
        )
        for labeler, (up, down, abstain), (coverage, overlap, conflict) in zip(
            labelers, tally.counts.T.tolist(), tally.shares(), strict=True
        )
    ]


class _Tally:
    """What M rules voted, on rows and on samples.

    Attributes:
        counts: Of rows: votes for, against, and abstentions (3, M).
    """

    def __init__(self, block: Path, labelers: Sequence[Labeler]) -> None:
        n_rules = len(labelers)
        self.counts: Counts = np.zeros((3, n_rules), dtype=np.int64)
        self._shared: Counts = np.zeros(
            (3, n_rules), dtype=np.int64
        )  # samples covered, overlapping, in conflict
        self._names = [labeler.name for labeler in labelers]
        self._events_M: Bools = np.array([labeler.about == "event" for labeler in labelers], dtype=bool)
        rows, groups = _repeated(block)
        n_groups = int(groups.max()) + 1 if len(groups) else 0
        self.n_samples = pq.read_metadata(block).num_rows - len(rows) + n_groups
        a_pass = max(1, _POOL_CELLS // max(1, n_rules))
        for first in range(0, max(1, n_groups), a_pass):
            self._pass(block, rows, groups - first, min(a_pass, n_groups - first), count=first == 0)

    def _pass(self, block: Path, rows: Counts, groups: Counts, n_groups: int, *, count: bool) -> None:
        """Read the votes once: pool those of some samples with several rows, and count everything else if asked to."""
        pool = _Pool(n_groups, self._events_M)
        start = 0
        with pq.ParquetFile(block) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=self._names, use_threads=False):
                end = start + batch.num_rows
                votes_MN = self._votes(batch, count=count)
                low, high = np.searchsorted(rows, (start, end))
                several, of = rows[low:high] - start, groups[low:high]
                here = (of >= 0) & (of < n_groups)
                pool.add(votes_MN[:, several[here]], of[here])
                if count and len(several) < batch.num_rows:
                    single_MN = np.delete(votes_MN, several, axis=1) if len(several) else votes_MN
                    self._share(single_MN > 0, single_MN < 0, single_MN != 0)
                start = end
        self._share(*pool.pooled())

    def _votes(self, batch: pa.RecordBatch, *, count: bool) -> Votes:
        """Return a batch's votes, 0 where there is none."""
        votes_MN = np.empty((len(self._names), batch.num_rows), dtype=np.int8)
        for number, column in enumerate(batch.columns):
            votes_MN[number] = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
        if count:
            up, down = (votes_MN > 0).sum(axis=1), (votes_MN < 0).sum(axis=1)
            given = np.array([batch.num_rows - column.null_count for column in batch.columns], dtype=np.int64)
            self.counts += np.array([up, down, given - up - down]).reshape(self.counts.shape)
        return votes_MN

    def _share(self, up_MS: Bools, down_MS: Bools, has_MS: Bools) -> None:
        """Count S samples' pooled votes."""
        several_S = has_MS.sum(axis=0) > 1
        any_up_S, any_down_S = up_MS.any(axis=0), down_MS.any(axis=0)
        against_MS = (up_MS & any_down_S) | (down_MS & any_up_S)
        self._shared += np.array(
            [has_MS.sum(axis=1), (has_MS & several_S).sum(axis=1), against_MS.sum(axis=1)]
        )

    def shares(self) -> list[tuple[float, float, float]]:
        """Return each rule's coverage, overlap and conflict."""
        of = max(1, self.n_samples)
        return [(one / of, two / of, three / of) for one, two, three in self._shared.T.tolist()]


def _repeated(block: Path) -> tuple[Counts, Counts]:
    """Return the rows, ascending, whose sample has several, and the number of each one's sample."""
    if pq.read_metadata(block).num_rows <= _FEW_ROWS:
        # not by read_table, which imports pyarrow.dataset
        samples = pq.ParquetFile(block).read(columns=["sample_id"])["sample_id"].to_numpy()
        _, codes_N, counts_S = np.unique(samples.astype(str), return_inverse=True, return_counts=True)
        several_S = counts_S > 1
        rows = np.flatnonzero(several_S[codes_N])
        return rows, (np.cumsum(several_S) - 1)[codes_N[rows]]
    with database(block.parent) as con:
        con.execute(f"SET memory_limit = '{_MEMORY}'")
        con.read_parquet(glob.escape(str(block)), file_row_number=True).create_view("votes")
        found = con.sql(
            "SELECT file_row_number AS place, number FROM votes JOIN ("
            "SELECT sample_id, row_number() OVER () - 1 AS number FROM votes GROUP BY sample_id HAVING count(*) > 1"
            ") USING (sample_id) ORDER BY place"
        ).fetchnumpy()
    return found["place"], found["number"]


class _Pool:
    """The votes of samples with several rows, pooled as everywhere: of content, for unless against; of events, the sum."""

    def __init__(self, n_samples: int, events_M: Bools) -> None:
        shape = (len(events_M), max(n_samples, 0))
        self._events_M = events_M
        self._up, self._down = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self._sum = np.zeros((int(events_M.sum()), shape[1]), dtype=np.int32)

    def add(self, votes_MN: Votes, samples_N: Counts) -> None:
        """Add N rows' votes on samples; most are none."""
        rules, rows = np.nonzero(votes_MN > 0)
        self._up[rules, samples_N[rows]] = True
        rules, rows = np.nonzero(votes_MN < 0)
        self._down[rules, samples_N[rows]] = True
        events_EN = votes_MN[self._events_M]
        rules, rows = np.nonzero(events_EN)
        np.add.at(self._sum, (rules, samples_N[rows]), events_EN[rules, rows])

    def pooled(self) -> tuple[Bools, Bools, Bools]:
        """Return where samples have a vote for, one against, and one that may be neither."""
        up, down = self._up & ~self._down, self._down & ~self._up
        up[self._events_M], down[self._events_M] = self._sum > 0, self._sum < 0
        return up, down, self._up | self._down
