"""Train and test, by group: no prompt, conversation, user or cluster of near-duplicates stands on both sides.

A group's side follows from the seed and the group alone, so adding data never moves a row from one side to the
other. The test share is therefore met on average over groups, not exactly. Clusters are the exception that cannot be
avoided: a new row can join two of them, and one that is named anew (see `write_clusters`) may change its side.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from pydantic import AfterValidator, Field

from kto_data.columns import check_group_column, group_sql
from kto_data.config.validate import Options
from kto_data.curation.near_rows import CLUSTERS, NearOptions, write_clusters
from kto_data.tables import add_view, database, read_query, write_parquet

SPLIT = pa.schema(
    [pa.field("row_id", pa.string(), nullable=False), pa.field("split", pa.string(), nullable=False)]
)
"""The side of each row: `train` or `test`."""

_COLUMNS = ("prompt_id", "conversation_id", "source", *CLUSTERS)


def _check(name: str) -> str:
    return check_group_column(name, _COLUMNS)


class SplitOptions(Options):
    """The `split:` key of a pipeline."""

    by: Annotated[str, AfterValidator(_check)] = "prompt_id"
    """What must not stand on both sides: `prompt_id`, `conversation_id`, `source`, a metadata column as `meta.NAME` (the
    user), `prompt_cluster` or `completion_cluster` (near-duplicates). A row without a value there goes with its prompt."""
    near: NearOptions = NearOptions()
    """What is near, for clusters."""
    seed: int = Field(0, ge=0)
    """Of the hash; not the run's seed, so that runs with other seeds hold out the same rows."""
    test: float = Field(0.1, ge=0.0, le=1.0)
    """The share of groups to hold out; 0 holds out nothing, 1 everything (a dataset for evaluation only)."""

    @property
    def evaluation_only(self) -> bool:
        """Whether nothing is to be trained on."""
        return self.test == 1.0


@dataclass(frozen=True, slots=True)
class SplitProof:
    """What the written split was found to be, counted from the file itself.

    Attributes:
        by: The group column.
        test: The share of groups that was asked for.
        seed: Of the hash.
        n_groups: Distinct groups.
        n_groups_on_both_sides: 0, or the split is wrong.
        n_prompts_on_both_sides: Prompts with rows on both sides; 0 by prompt, and a leak to know of otherwise.
        n_rows_without_group: Rows that went with their prompt for want of a value.
        n_train: Rows to train on.
        n_test: Rows held out.
    """

    by: str
    test: float
    seed: int
    n_groups: int
    n_groups_on_both_sides: int
    n_prompts_on_both_sides: int
    n_rows_without_group: int
    n_train: int
    n_test: int


def side_of(group: str, *, seed: int, test: float) -> Literal["train", "test"]:
    """Return the side of a group: test if its hash falls into the lowest share `test` of all hashes.

    >>> [side_of("prompt_id=a", seed=7, test=share) for share in (0.0, 1.0)]
    ['train', 'test']
    """
    hashed = xxhash.xxh3_64_intdigest(f"{seed}:{group}".encode())
    return "test" if hashed < test * 2**64 else "train"


def split_rows(
    options: SplitOptions,
    *,
    rows: Path,
    out: Path,
    seed: int,
    among: Path | None = None,
    advance: Callable[[int], None] | None = None,
) -> SplitProof:
    """Write the side of each row as `SPLIT`, sorted by row_id, and return the proof.

    Args:
        options: By what, and how much.
        rows: Parquet with `rows_schema`.
        out: Where to write.
        seed: Of the hash.
        among: Parquet with the `row_id`s to split; all rows by default.
        advance: Called with the number of rows done since the last call.

    Raises:
        InputError: The input has no such metadata column.
    """
    with database(out.parent) as con, tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        add_view(con, "all_rows", rows)
        if among is not None:
            add_view(con, "among", among)
        con.execute(f"CREATE VIEW rows AS FROM all_rows {'SEMI JOIN among USING (row_id)' if among else ''}")
        if options.by in CLUSTERS:
            part = CLUSTERS[options.by]
            add_view(con, "clustered", write_clusters(con, Path(scratch), options.near.as_near(), part))
            column, source = "cluster", "rows JOIN clustered USING (row_id)"
        else:
            column, source = group_sql(options.by, pq.read_schema(rows)), "rows"
        by = options.by.replace("'", "''")
        # the name is part of the key, so that a user called like a prompt's id is another group
        con.execute(
            f"CREATE VIEW grouped AS SELECT row_id, prompt_id, {column} IS NULL AS without, "  # noqa: S608 - the expression quotes its names
            f"coalesce('{by}=' || {column}, 'prompt_id=' || prompt_id) AS member "
            f"FROM {source}"
        )
        groups = read_query(con, "SELECT row_id, member FROM grouped ORDER BY row_id")
        write_parquet(out, SPLIT, _sides(groups, options, seed, advance))
        add_view(con, "sides", out)
        return _prove(con, options, seed)


def _sides(
    groups: Iterable[pa.RecordBatch], options: SplitOptions, seed: int, advance: Callable[[int], None] | None
) -> Iterator[pa.RecordBatch]:
    for batch in groups:
        sides = [side_of(member, seed=seed, test=options.test) for member in batch["member"].to_pylist()]
        yield pa.record_batch([batch["row_id"], pa.array(sides, pa.string())], schema=SPLIT)
        if advance is not None:
            advance(batch.num_rows)


def _prove(con: duckdb.DuckDBPyConnection, options: SplitOptions, seed: int) -> SplitProof:
    both = "count(*) FILTER (n_sides > 1) FROM (SELECT count(DISTINCT split) AS n_sides FROM sides JOIN grouped USING (row_id) GROUP BY {})"
    [groups] = con.execute(f"SELECT count(*), {both.format('member')}").fetchall()
    [prompts] = con.execute(f"SELECT {both.format('prompt_id')}").fetchall()
    [rows] = con.execute(
        "SELECT count(*) FILTER (without), count(*) FILTER (split = 'train'), count(*) FILTER (split = 'test') "
        "FROM sides JOIN grouped USING (row_id)"
    ).fetchall()
    proof = SplitProof(options.by, options.test, seed, *groups, *prompts, *rows)
    assert proof.n_groups_on_both_sides == 0, "a group's side follows from its hash alone"
    return proof
