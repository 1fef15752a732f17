"""The votes of all labelers on some rows, as one array a labeler."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.tables import add_view

Votes = dict[str, npt.NDArray[np.int8]]


def votes_of(
    con: duckdb.DuckDBPyConnection,
    row_ids: Sequence[str],
    rule_blocks: Sequence[Path],
    vote_blocks: Sequence[Path],
) -> Votes:
    """Return +1, -1 or 0 (none, or not applicable) for each row, by labeler.

    A vote about an event counts for its row, one about content for all rows of its sample; several of one labeler
    on a row are averaged and rounded to their sign.

    Args:
        con: With a view `rows`.
        row_ids: The rows, in the order of the arrays.
        rule_blocks: Parquet as `schema.rule_votes_schema`.
        vote_blocks: Parquet as `schema.VOTES`.
    """
    con.execute("CREATE OR REPLACE TABLE asked (row_id VARCHAR, place INTEGER)")
    con.execute("INSERT INTO asked SELECT unnest(?), unnest(range(?))", [list(row_ids), len(row_ids)])
    con.execute(
        "CREATE OR REPLACE TABLE about AS SELECT row_id, place, sample_id FROM asked JOIN rows USING (row_id)"
    )
    votes: Votes = {}
    for number, block in enumerate(rule_blocks):
        add_view(con, f"rule_block_{number}", block)
        for rule in pq.read_schema(block).names[2:]:
            quoted = '"' + rule.replace('"', '""') + '"'
            _note(
                votes,
                len(row_ids),
                con,
                f"SELECT ? AS labeler, place, {quoted} AS vote FROM rule_block_{number} JOIN asked USING (row_id) WHERE {quoted} <> 0",  # noqa: S608 - quoted
                [rule],
            )
    for number, block in enumerate(vote_blocks):
        add_view(con, f"vote_block_{number}", block)
        _note(
            votes,
            len(row_ids),
            con,
            f"SELECT labeler, place, avg(vote) FROM vote_block_{number} AS v JOIN about AS a "  # noqa: S608 - a number of ours
            "ON v.sample_id = a.sample_id AND (v.row_id IS NULL OR v.row_id = a.row_id) GROUP BY ALL ORDER BY ALL",
            [],
        )
    return votes


def _note(votes: Votes, n: int, con: duckdb.DuckDBPyConnection, query: str, values: list[str]) -> None:
    for labeler, place, vote in con.execute(query, values).fetchall():
        votes.setdefault(labeler, np.zeros(n, dtype=np.int8))[place] = np.sign(vote)
