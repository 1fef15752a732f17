"""The near-duplicates among the rows of a step, whatever it does about them."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from pydantic import Field

from kto_data.config.validate import Options
from kto_data.tables import add_view, joins_as_written, read_query
from kto_data.texts.near import Buckets, Near, buckets
from kto_data.texts.near_pairs import clusters
from kto_data.texts.shingle_sets import ShingleSets
from kto_data.texts.words import I64, U64

Part = Literal["prompt", "completion"]
CLUSTERS: dict[str, Part] = {"prompt_cluster": "prompt", "completion_cluster": "completion"}
"""Clusters of near-duplicates as columns to group by, with the text that they are of."""

_ROWS_PER_BATCH = 1024
_TEXT = "array_to_string(list_transform({}, lambda m: concat_ws(chr(10), m.content, m.reasoning, m.tool_calls)), chr(10))"


def text_sql(part: str) -> str:
    """Return the SQL expression of all that is said in the messages of a column."""
    return _TEXT.format(part)


class NearOptions(Options):
    """What is near."""

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    """The least Jaccard similarity of near texts."""
    words: int = Field(default=3, ge=1, le=100)
    """Words in a shingle."""

    def as_near(self) -> Near:
        """Return it as the search takes it."""
        return Near(self.threshold, self.words)


@dataclass(frozen=True, slots=True)
class NearRows:
    """Candidates, ready to be verified.

    Attributes:
        row_ids: The N row ids in their order of precedence.
        keys_NB: Their band keys.
        buckets: Rows that share one.
        sets: The shingles of those.
    """

    row_ids: pa.Array
    keys_NB: npt.NDArray[np.uint32]
    buckets: Buckets
    sets: ShingleSets

    def ids(self, rows: I64) -> pa.Array:
        """Return the ids of rows."""
        return self.row_ids.take(pa.array(rows))


@contextmanager
def near_rows(
    con: duckdb.DuckDBPyConnection,
    scratch: Path,
    near: Near,
    parts: Sequence[Part],
    *,
    source: str = "rows",
    order: str = "row_id",
    group: str | None = None,
) -> Iterator[NearRows]:
    """Find the candidates among the rows of a view; files that they need are gone afterwards.

    Texts are read twice, in batches: for the keys, and of candidates again for their shingles. Memory: about 60 bytes a
    row for ids, and what `texts.near` states.

    Args:
        con: A DuckDB.
        scratch: A folder.
        near: What counts as near.
        parts: The columns whose texts must all be near.
        source: A view with `row_id` and those columns.
        order: The SQL order of precedence; ends with row_id.
        group: An SQL expression of text that near rows must have in common.
    """
    con.execute(
        f"CREATE TEMP TABLE numbered AS SELECT row_id, row_number() OVER (ORDER BY {order}) - 1 AS number FROM {source}"  # noqa: S608 - expressions of ours
    )
    ids = con.sql("SELECT row_id FROM numbered ORDER BY number").to_arrow_table()["row_id"]
    row_ids = ids.combine_chunks() if ids.num_chunks else pa.array([], pa.string())
    columns = ", ".join(f"{text_sql(part)} AS {part}" for part in parts)
    keys_NB = np.zeros(
        (len(row_ids), near.keys([pa.array([], pa.string())] * len(parts)).shape[1]), np.uint32
    )
    query = (
        f"SELECT number, {columns}, {group or 'NULL'} AS member FROM {source} JOIN numbered USING (row_id)"  # noqa: S608 - expressions of ours
    )
    with joins_as_written(con):
        for batch in read_query(con, query, batch_rows=_ROWS_PER_BATCH):
            texts = [batch[part] for part in parts]
            keys = near.keys(texts, _group_numbers(batch["member"]) if group else None)
            keys_NB[batch["number"].to_numpy()] = keys
    found = buckets(keys_NB)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        sets = ShingleSets(Path(folder), len(row_ids), len(parts))
        chosen = Path(folder) / "chosen.parquet"
        pq.write_table(pa.table({"number": found.rows}), chosen)
        add_view(con, "candidates", chosen)
        query = f"SELECT number, {columns} FROM {source} JOIN (FROM numbered SEMI JOIN candidates USING (number)) USING (row_id)"  # noqa: S608 - as above
        with joins_as_written(con):
            for batch in read_query(con, query, batch_rows=_ROWS_PER_BATCH):
                sets.add(batch["number"].to_numpy(), [batch[part] for part in parts], near.n_words)
        con.execute("DROP VIEW candidates")
        con.execute("DROP TABLE numbered")
        sets.close()
        yield NearRows(row_ids, keys_NB, found, sets)


def write_clusters(
    con: duckdb.DuckDBPyConnection, scratch: Path, near: Near, part: Part, *, source: str = "rows"
) -> Path:
    """Write the cluster of each row of a view by one of its texts, and return the file: `row_id, cluster`.

    A cluster is named after its member with the least hash, so it keeps its name when others join, unless one of these
    has a lesser hash or joins it with another cluster.
    """
    # equal texts are one cluster anyway, and one row of each is enough to find their near ones
    text = text_sql(part)
    firsts, roots, out = (scratch / f"{name}.parquet" for name in ("first_rows", "roots", "clusters"))
    _copy(con, f"SELECT md5({text}) AS said, min(row_id) AS row_id FROM {source} GROUP BY said", firsts)  # noqa: S608 - expressions of ours
    add_view(con, "first_rows", firsts)
    con.execute(f"CREATE VIEW distinct_texts AS FROM {source} SEMI JOIN first_rows USING (row_id)")
    with near_rows(con, scratch, near, [part], source="distinct_texts") as found:
        root_N = clusters(found.buckets, found.sets, near.threshold, len(found.row_ids))
        pq.write_table(pa.table({"row_id": found.row_ids, "root": root_N}), roots)
    add_view(con, "roots", roots)
    named = (
        "SELECT said, min(said) OVER (PARTITION BY root) AS cluster FROM first_rows JOIN roots USING (row_id)"
    )
    _copy(
        con,
        f"SELECT row_id, cluster FROM (SELECT row_id, md5({text}) AS said FROM {source}) JOIN ({named}) USING (said) ORDER BY row_id",  # noqa: S608 - as above
        out,
    )
    for view in ("distinct_texts", "first_rows", "roots"):
        con.execute(f"DROP VIEW {view}")
    return out


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    con.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet)")


def _group_numbers(members: pa.Array) -> U64:
    """Return a number for the group of each row; rows without one are a group, too."""
    encoded = members.dictionary_encode(null_encoding="encode")
    numbers = [xxhash.xxh3_64_intdigest(repr(name).encode()) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(numbers, np.uint64)[encoded.indices.to_numpy()])
