"""What each labeler did: its votes, its coverage, and how often others agree with it.

Coverage, overlap and conflict as in weak supervision (Ratner et al. 2017, arXiv 1711.10160):
the shares of samples on which a labeler votes, on which another votes too, and on which another
votes the other way.
"""

import glob
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.votes.labelers import Labeler, LabelerSummary
from kto_data.votes.standing import long_source
from kto_data.votes.table import VoteTable

_TESTS = ("> 0", "< 0", "= 0")


def summarise(
    votes: VoteTable,
    *,
    n_rows: int,
    rule_blocks: Sequence[Path],
    vote_blocks: Sequence[Path],
    fault_blocks: Sequence[Path],
) -> list[LabelerSummary]:
    """Return a summary of each labeler, in the labelers' order.

    Args:
        votes: The votes, pooled per sample.
        n_rows: The rows that labelers were asked about.
        rule_blocks: The wide blocks, for counts of rows.
        vote_blocks: The long blocks, likewise.
        fault_blocks: The faults.
    """
    counts = _row_counts(votes.labelers, rule_blocks, vote_blocks)
    faults = _fault_counts(fault_blocks)
    coverage, overlap, conflict = _shares(votes)
    summaries = []
    for position, labeler in enumerate(votes.labelers):
        up, down, abstain = counts.get(labeler.name, (0, 0, 0))
        n_faults = faults.get(labeler.name, 0)
        summaries.append(
            LabelerSummary(
                labeler=labeler.name,
                kind=labeler.kind,
                mode=labeler.mode,
                n_desirable=up,
                n_undesirable=down,
                n_abstain=abstain,
                n_not_applicable=n_rows - up - down - abstain - n_faults,
                n_faults=n_faults,
                coverage=coverage[position],
                overlap=overlap[position],
                conflict=conflict[position],
            )
        )
    return summaries


def _row_counts(
    labelers: Sequence[Labeler], rule_blocks: Sequence[Path], vote_blocks: Sequence[Path]
) -> dict[str, tuple[int, int, int]]:
    """Return how many rows each labeler's current version votes for, against, and abstains on."""
    counts = {labeler.name: np.zeros(3, dtype=np.int64) for labeler in labelers}
    for block in rule_blocks:
        with pq.ParquetFile(block) as file:
            for name in file.schema_arrow.names:
                if name in counts:
                    # one column at a time: forty at once would need as much memory as all that follows
                    counts[name] += _tally(file.read(columns=[name], use_threads=False)[name])
    with duckdb.connect() as con:
        versions = {labeler.name: labeler.version for labeler in labelers}
        tally = ", ".join(f"count(*) FILTER (vote {test})" for test in _TESTS)
        for block in vote_blocks:
            query = f"SELECT labeler, version, {tally} FROM ({long_source(block)}) GROUP BY ALL"  # noqa: S608 - all parts are quoted
            for name, version, *found in con.execute(query).fetchall():
                if name in counts and version in (None, versions[name]):
                    counts[name] += found
    return {name: (int(up), int(down), int(abstain)) for name, (up, down, abstain) in counts.items()}


def _tally(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return how many values are positive, negative and zero."""
    values = [np.asarray(chunk.drop_null()) for chunk in column.chunks]
    up, down = (
        sum(int(np.count_nonzero(test(part, 0))) for part in values) for test in (np.greater, np.less)
    )
    return np.array([up, down, sum(map(len, values)) - up - down], dtype=np.int64)


def _fault_counts(fault_blocks: Sequence[Path]) -> dict[str, int]:
    if not fault_blocks:
        return {}
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT labeler, count(*) FROM read_parquet(?) GROUP BY labeler",
            [[glob.escape(str(block)) for block in fault_blocks]],
        )
        return dict(rows.fetchall())


def _shares(votes: VoteTable) -> tuple[list[float], list[float], list[float]]:
    n_samples = max(len(votes.sample_ids), 1)
    sign_V = np.sign(votes.up_V - votes.down_V)
    ups_N, downs_N = votes.per_sample(sign_V > 0), votes.per_sample(sign_V < 0)
    everyone = np.ones(len(sign_V), dtype=bool)
    shared_N, disputed_N = votes.per_sample(everyone) > 1, (ups_N > 0) & (downs_N > 0)
    flags = (everyone, shared_N[votes.sample_V], disputed_N[votes.sample_V] & (sign_V != 0))
    coverage, overlap, conflict = (
        [float(count) / n_samples for count in votes.per_labeler(flag_V)] for flag_V in flags
    )
    return coverage, overlap, conflict
