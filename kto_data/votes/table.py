"""The votes of a run as arrays: one entry for each (sample, labeler) that voted.

Shapes: N samples, M labelers, V entries.
"""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.columns import group_sql
from kto_data.votes.labelers import Labeler

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes, sparse: abstentions and "not applicable" have no entry.

    Attributes:
        sample_ids: The N samples, sorted.
        labelers: The M labelers.
        sample_V: Index of each entry's sample.
        labeler_V: Index of each entry's labeler.
        up_V: How often it voted desirable; at most 1 for a labeler about content.
        down_V: How often it voted undesirable; likewise.
        n_unknown: Votes on samples that are not among the N, which are left out.
    """

    sample_ids: Sequence[str]
    labelers: Sequence[Labeler]
    sample_V: Ints
    labeler_V: Ints
    up_V: Ints
    down_V: Ints
    n_unknown: int = 0

    def of(self, chosen: Sequence[bool] | npt.NDArray[np.bool_]) -> "VoteTable":
        """Return the votes of the chosen labelers (M truth values) alone; the samples stay."""
        keep_V = np.asarray(chosen, dtype=bool)[self.labeler_V]
        return self.where(keep_V)

    def where(self, keep_V: npt.NDArray[np.bool_]) -> "VoteTable":
        """Return the entries that are marked; samples and labelers stay."""
        return VoteTable(
            self.sample_ids,
            self.labelers,
            self.sample_V[keep_V],
            self.labeler_V[keep_V],
            self.up_V[keep_V],
            self.down_V[keep_V],
            self.n_unknown,
        )

    def per_sample(self, values_V: npt.NDArray[np.generic]) -> Floats:
        """Return the sum of an entry's values for each of the N samples."""
        return np.bincount(self.sample_V, weights=values_V, minlength=len(self.sample_ids)).astype(np.float64)


def load_votes(
    labelers: Sequence[Labeler],
    *,
    samples: Path,
    rule_blocks: Sequence[Path],
    vote_blocks: Sequence[Path],
    rows: Path | None = None,
) -> VoteTable:
    """Return the votes of blocks, pooled per sample, with the labelers' caps applied.

    Equal rows share a sample: a labeler about content has one vote there, one about events (a
    thumb) as many as there were events.

    Args:
        labelers: Whose votes to take; votes of others are ignored.
        samples: Parquet with the `sample_id`s that are meant.
        rule_blocks: Wide blocks.
        vote_blocks: Long blocks.
        rows: The rows, for the columns that caps count by; needed when a labeler has a cap.

    Raises:
        InputError: A cap counts by a column that the rows do not have.
    """
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE ids AS SELECT sample_id, row_number() OVER (ORDER BY sample_id) - 1 AS i FROM (SELECT DISTINCT sample_id FROM read_parquet(?))",
            [_literal(samples)],
        )
        con.execute("CREATE TABLE votes (row_id VARCHAR, sample_id VARCHAR, labeler VARCHAR, vote TINYINT)")
        for block in rule_blocks:
            con.execute(
                "INSERT INTO votes SELECT row_id, sample_id, labeler, vote FROM (UNPIVOT "
                "(SELECT * FROM read_parquet(?)) "
                "ON COLUMNS(* EXCLUDE (row_id, sample_id)) INTO NAME labeler VALUE vote) WHERE vote <> 0",
                [_literal(block)],
            )
        for block in vote_blocks:
            con.execute(
                "INSERT INTO votes SELECT row_id, sample_id, labeler, vote FROM read_parquet(?) WHERE vote <> 0",
                [_literal(block)],
            )
        for labeler in labelers:
            if labeler.cap is not None:
                assert rows is not None, "caps count by a column of the rows"
                _apply_cap(con, labeler.name, *labeler.cap, rows)
        [(n_unknown,)] = con.execute("SELECT count(*) FROM votes ANTI JOIN ids USING (sample_id)").fetchall()
        sample_ids = [
            sample_id for (sample_id,) in con.execute("SELECT sample_id FROM ids ORDER BY i").fetchall()
        ]
        pooled = con.execute(
            "SELECT i, labeler, count(*) FILTER (vote > 0) AS up, count(*) FILTER (vote < 0) AS down "
            "FROM votes JOIN ids USING (sample_id) GROUP BY ALL ORDER BY i, labeler"
        ).fetchnumpy()
    return _table(labelers, sample_ids, pooled, int(n_unknown))


def _apply_cap(con: duckdb.DuckDBPyConnection, labeler: str, per: str, most: int, rows: Path) -> None:
    """Leave a labeler at most so many votes on the rows that share a value; which ones, a hash decides."""
    column = group_sql(per, pq.read_schema(rows))
    con.execute(
        "DELETE FROM votes WHERE labeler = ? AND row_id IN (SELECT row_id FROM (SELECT votes.row_id, row_number() "  # noqa: S608 - the expression quotes its names
        f"OVER (PARTITION BY {column} ORDER BY md5(votes.row_id)) AS n FROM votes JOIN read_parquet(?) AS rows USING (row_id) "
        f"WHERE labeler = ? AND {column} IS NOT NULL) WHERE n > ?)",
        [labeler, _literal(rows), labeler, most],
    )


def _literal(path: Path) -> str:
    return glob.escape(str(path))  # DuckDB takes a name for a pattern


def _table(
    labelers: Sequence[Labeler],
    sample_ids: Sequence[str],
    pooled: dict[str, npt.NDArray[np.generic]],
    n_unknown: int,
) -> VoteTable:
    index = {labeler.name: position for position, labeler in enumerate(labelers)}
    names, name_V = np.unique(np.asarray(pooled["labeler"], dtype=str), return_inverse=True)
    known = np.array([index.get(str(name), -1) for name in names], dtype=np.int64)
    labeler_V = known[name_V] if len(names) else np.zeros(0, dtype=np.int64)
    up_V, down_V = (np.asarray(pooled[name], dtype=np.int64) for name in ("up", "down"))
    event = np.array([labeler.about == "event" for labeler in labelers], dtype=bool)
    keep_V = labeler_V >= 0
    sample_V, labeler_V = np.asarray(pooled["i"], dtype=np.int64)[keep_V], labeler_V[keep_V]
    most_V = (
        np.where(event[labeler_V], np.iinfo(np.int64).max, 1) if len(labelers) else np.ones(0, dtype=np.int64)
    )
    return VoteTable(
        sample_ids,
        labelers,
        sample_V,
        labeler_V,
        np.minimum(up_V[keep_V], most_V),
        np.minimum(down_V[keep_V], most_V),
        n_unknown,
    )


def strongest_of_groups(votes: VoteTable) -> VoteTable:
    """Return the votes with only the strongest of each group on each sample.

    Strength is weight (None counts as 1), then priority, then the labelers' order.
    """
    groups = {
        group: number
        for number, group in enumerate(sorted({lab.group for lab in votes.labelers if lab.group}))
    }
    if not groups:
        return votes
    group_V = np.array([groups[lab.group] if lab.group else -1 for lab in votes.labelers])[votes.labeler_V]
    order = sorted(
        range(len(votes.labelers)),
        key=lambda m: (
            -(1.0 if (weight := votes.labelers[m].weight) is None else weight),
            -votes.labelers[m].priority,
            m,
        ),
    )
    rank_V = np.argsort(order)[votes.labeler_V]
    keep_V = group_V < 0
    grouped = np.flatnonzero(~keep_V)
    by_strength = grouped[np.lexsort((rank_V[grouped], group_V[grouped], votes.sample_V[grouped]))]
    pairs = np.stack([votes.sample_V[by_strength], group_V[by_strength]])
    first = np.ones(len(by_strength), dtype=bool)
    first[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    keep_V[by_strength[first]] = True
    return votes.where(keep_V)
