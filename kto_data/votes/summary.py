"""What each labeler did: its votes, its coverage, and how often others agree with it.

Coverage, overlap and conflict as in weak supervision (Ratner et al. 2017, arXiv 1711.10160):
the shares of samples on which a labeler votes, on which another votes too, and on which another
votes the other way.
"""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from kto_data.votes.table import VoteTable


@dataclass(frozen=True, slots=True)
class LabelerSummary:
    """One labeler's votes. Counts are of rows; shares are of samples.

    Attributes:
        labeler: Its name.
        kind: rule, judge, annotator or feedback.
        mode: vote, veto or shadow.
        n_desirable: Votes for.
        n_undesirable: Votes against.
        n_abstain: Rows on which it said nothing, although it could have.
        n_not_applicable: Rows that it has nothing to say about.
        n_faults: Rows on which it failed.
        coverage: Share of the samples on which it votes.
        overlap: ... and on which another votes too.
        conflict: ... and on which another votes the other way.
    """

    labeler: str
    kind: str
    mode: str
    n_desirable: int
    n_undesirable: int
    n_abstain: int
    n_not_applicable: int
    n_faults: int
    coverage: float
    overlap: float
    conflict: float


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
    counts = _row_counts(rule_blocks, vote_blocks)
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


def _row_counts(rule_blocks: Sequence[Path], vote_blocks: Sequence[Path]) -> dict[str, tuple[int, int, int]]:
    counts: dict[str, tuple[int, int, int]] = {}
    tally = "count(*) FILTER (vote > 0), count(*) FILTER (vote < 0), count(*) FILTER (vote = 0)"
    unpivoted = "(UNPIVOT (SELECT * EXCLUDE (row_id, sample_id) FROM read_parquet(?)) ON COLUMNS(*) INTO NAME labeler VALUE vote)"
    with duckdb.connect() as con:
        for blocks, source in ((rule_blocks, unpivoted), (vote_blocks, "read_parquet(?)")):
            for block in blocks:
                query = f"SELECT labeler, {tally} FROM {source} GROUP BY labeler"  # noqa: S608 - both are constants of this function
                rows = con.execute(query, [glob.escape(str(block))])
                for labeler, up, down, abstain in rows.fetchall():
                    counts[labeler] = (up, down, abstain)
    return counts


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
    n_samples, n_labelers = len(votes.sample_ids), len(votes.labelers)
    sign_V = np.sign(votes.up_V - votes.down_V)
    voters_N = votes.per_sample(np.ones(len(sign_V)))
    ups_N, downs_N = votes.per_sample(sign_V > 0), votes.per_sample(sign_V < 0)
    others_V = voters_N[votes.sample_V] > 1
    against_V = np.where(sign_V > 0, downs_N[votes.sample_V] > 0, (sign_V < 0) & (ups_N[votes.sample_V] > 0))

    def share(flags_V: np.typing.NDArray[np.bool_]) -> list[float]:
        per_labeler = np.bincount(votes.labeler_V, weights=flags_V, minlength=n_labelers)
        return [float(count) / n_samples if n_samples else 0.0 for count in per_labeler]

    return share(np.ones(len(sign_V), dtype=bool)), share(others_V), share(against_V)
