"""Vote blocks to one entry for each (sample, labeler): one pass over the files, whatever their number of rows.

A sample's votes are folded into bit masks while its rows are grouped: bit m of `up` is set when
labeler m votes desirable, of `down` when it votes undesirable. That costs little more than grouping
alone; labelers that can vote several times on a sample (thumbs, several annotators) are counted besides.

Shapes: N samples, V entries, W words of 64 labelers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.columns import group_sql
from kto_data.errors import InputError
from kto_data.votes.labelers import Labeler
from kto_data.votes.patterns import are_the_samples, read_masks, unfold
from kto_data.votes.set_aside import SetAside
from kto_data.votes.standing import WORD, literal, quoted, stand

_SAMPLES_PER_CHUNK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """One entry for each (sample, labeler) that voted, sorted by sample, then labeler.

    Attributes:
        sample_ids: The N samples, sorted.
        sample_V: Index of each entry's sample.
        labeler_V: Index of each entry's labeler.
        up_V: How often it voted desirable.
        down_V: How often it voted undesirable.
        set_aside: What was left out.
    """

    sample_ids: pa.Array
    sample_V: npt.NDArray[np.int32]
    labeler_V: npt.NDArray[np.int32]
    up_V: npt.NDArray[np.signedinteger[Any]]
    down_V: npt.NDArray[np.signedinteger[Any]]
    set_aside: SetAside


def pool_votes(
    labelers: Sequence[Labeler],
    *,
    samples: Path | None,
    rule_blocks: Sequence[Path],
    vote_blocks: Sequence[Path],
    rows: Path | None = None,
    stale: Mapping[Path, Collection[str]] | None = None,
) -> Pooled:
    """Return the votes of blocks, pooled per sample.

    Args:
        labelers: See `table.load_votes`, as for the following.
        samples: The samples that are meant.
        rule_blocks: Wide blocks.
        vote_blocks: Long blocks.
        rows: The rows, for caps.
        stale: Columns of wide blocks whose labelers have a newer version elsewhere.
    """
    n_words = max(1, -(-len(labelers) // WORD))
    stale = stale or {}
    columns = {block: _wide_columns(block, labelers, stale.get(block, ())) for block in rule_blocks}
    if not (vote_blocks or any(stale.values()) or any(lab.cap or lab.about == "event" for lab in labelers)):
        masks = read_masks(
            {block: [(m, labelers[m].name) for m, _ in inside] for block, inside in columns.items()},
            len(labelers),
        )
        if samples is None or are_the_samples(masks.sample_ids, samples):
            return Pooled(masks.sample_ids, *unfold(masks), SetAside())
    with duckdb.connect(config={"preserve_insertion_order": "false"}) as con:
        set_aside = stand(con, labelers, vote_blocks)
        counted = [
            m
            for m, labeler in enumerate(labelers)
            if labeler.about == "event" or (labeler.kind == "annotator" and set_aside.has_users)
        ]
        if any(labeler.cap for labeler in labelers):
            assert rows is not None, "caps count by a column of the rows"
            _one_by_one(con, columns)
            _apply_caps(con, labelers, rows)
            sources = [_long_source("single", counted, n_words)]
        else:
            sources = [_wide_source(block, inside, counted, n_words) for block, inside in columns.items()]
            sources.append(_long_source("voted", counted, n_words))
        _group(con, sources, counted, n_words)
        n_unknown = _keep_samples(con, samples)
        n_stale = sum(_n_votes(con, block, names) for block, names in stale.items())
        bits = " + ".join(f"bit_count(up{word} | down{word})::BIGINT" for word in range(n_words))
        [(n_entries,)] = con.execute(f"SELECT coalesce(sum({bits}), 0)::BIGINT FROM pooled").fetchall()  # noqa: S608 - columns of ours
        table = con.sql("FROM pooled ORDER BY sample_id").to_arrow_table()
    sample_V, labeler_V, up_V, down_V = _entries(table, len(labelers), counted, n_entries)
    n_duplicates = set_aside.n_duplicates
    if not set_aside.careful:  # then a second equal vote vanished in the masks
        wide = {name for block in rule_blocks for name in pq.read_schema(block).names}
        long_V = ~np.array([labeler.name in wide for labeler in labelers], dtype=bool)[labeler_V]
        n_long = int(np.nansum(table["n_long"].to_numpy())) if len(table) else 0
        n_duplicates = max(0, n_long - int((up_V + down_V)[long_V].sum()))
    return Pooled(
        table["sample_id"].combine_chunks(),
        sample_V,
        labeler_V,
        up_V,
        down_V,
        SetAside(
            n_unknown,
            set_aside.n_superseded + n_stale,
            n_duplicates,
            set_aside.n_invalid,
            set_aside.n_bad_scores,
        ),
    )


def _wide_columns(block: Path, labelers: Sequence[Labeler], stale: Collection[str]) -> list[tuple[int, str]]:
    """Return the number and the quoted column of each labeler in a wide block, but for superseded ones."""
    schema = pq.read_schema(block)
    if "sample_id" not in schema.names:
        raise InputError(f"{block}: a block of rule votes needs the column sample_id")
    found = [
        (m, labeler.name)
        for m, labeler in enumerate(labelers)
        if labeler.name in schema.names and labeler.name not in stale
    ]
    for _, name in found:
        if not pa.types.is_integer(schema.field(name).type):
            raise InputError(
                f"{block}: column {name}: votes are whole numbers, not {schema.field(name).type}"
            )
    return [(m, quoted(name)) for m, name in found]


def _n_votes(con: duckdb.DuckDBPyConnection, block: Path, names: Collection[str]) -> int:
    tallies = " + ".join(f"count(*) FILTER ({quoted(name)} <> 0)" for name in sorted(names))
    [(n,)] = con.execute(f"SELECT {tallies or '0'} FROM read_parquet({literal(block)})").fetchall()  # noqa: S608 - quoted
    return int(n)


def _wide_source(
    block: Path, columns: Sequence[tuple[int, str]], counted: Sequence[int], n_words: int
) -> str:
    parts = ["sample_id", "0 AS n_long"]
    for word in range(n_words):
        inside = [(m % WORD, column) for m, column in columns if m // WORD == word]
        for name, test in (("up", "> 0"), ("down", "< 0")):
            bits = [f"(coalesce({column} {test}, false)::UBIGINT << {bit})" for bit, column in inside]
            parts.append(f"{' | '.join(bits) or '0::UBIGINT'} AS {name}{word}")
    by_number = dict(columns)
    for m in counted:
        for name, test in (("ups", "> 0"), ("downs", "< 0")):
            given = f"coalesce({by_number[m]} {test}, false)::INTEGER" if m in by_number else "0"
            parts.append(f"{given} AS {name}{m}")
    return f"SELECT {', '.join(parts)} FROM read_parquet({literal(block)})"  # noqa: S608 - all parts are quoted


def _long_source(table: str, counted: Sequence[int], n_words: int) -> str:
    parts = ["sample_id", "(vote <> 0)::INTEGER AS n_long"]
    for word in range(n_words):
        inside = "" if n_words == 1 else f" AND m // {WORD} = {word}"
        for name, test in (("up", "> 0"), ("down", "< 0")):
            parts.append(f"CASE WHEN vote {test}{inside} THEN bit ELSE 0::UBIGINT END AS {name}{word}")
    for m in counted:
        parts += [
            f"(m = {m} AND vote > 0)::INTEGER AS ups{m}",
            f"(m = {m} AND vote < 0)::INTEGER AS downs{m}",
        ]
    return f"SELECT {', '.join(parts)} FROM {table}"  # noqa: S608 - names and numbers of ours


def _group(
    con: duckdb.DuckDBPyConnection, sources: Sequence[str], counted: Sequence[int], n_words: int
) -> None:
    masks = [f"bit_or({name}{word}) AS {name}{word}" for word in range(n_words) for name in ("up", "down")]
    sums = [f"sum({name}{m})::INTEGER AS {name}{m}" for m in counted for name in ("ups", "downs")]
    columns = ", ".join(["sample_id", "sum(n_long)::BIGINT AS n_long", *masks, *sums])
    con.execute(
        f"CREATE TABLE pooled AS SELECT {columns} FROM ({' UNION ALL '.join(sources)}) GROUP BY sample_id"  # noqa: S608 - all parts are quoted
    )


def _keep_samples(con: duckdb.DuckDBPyConnection, samples: Path | None) -> int:
    """Make `pooled` have exactly the samples that are meant; return how many votes were on others."""
    if samples is None:
        return 0
    con.execute(
        f"CREATE TABLE meant AS SELECT DISTINCT sample_id FROM read_parquet({literal(samples)})"  # noqa: S608 - quoted
    )
    bits = " + ".join(
        f"bit_count({name})::BIGINT"
        for (name,) in con.execute("SELECT column_name FROM (DESCRIBE pooled)").fetchall()
        if name.rstrip("0123456789") in ("up", "down")
    )
    [(n_unknown,)] = con.execute(
        f"SELECT sum(greatest(n_long, {bits})) FROM pooled ANTI JOIN meant USING (sample_id)"  # noqa: S608 - columns of ours
    ).fetchall()
    con.execute("ALTER TABLE pooled RENAME TO found")
    con.execute("CREATE TABLE pooled AS FROM meant LEFT JOIN found USING (sample_id)")
    return int(n_unknown or 0)


def _entries(
    table: pa.Table, n_labelers: int, counted: Sequence[int], n_entries: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return sample, labeler, up and down of each entry, from the masks and counts of the samples."""

    def column(name: str, kind: type) -> npt.NDArray[np.generic]:
        return np.asarray(
            table[name].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False), dtype=kind
        )

    n_words, n_bits = max(1, -(-n_labelers // WORD)), max(1, n_labelers)
    masks = {
        name: np.stack([column(f"{name}{word}", np.uint64) for word in range(n_words)], axis=1)
        for name in ("up", "down")
    }
    sample_V, labeler_V, up_V, down_V = (np.empty(n_entries, dtype=np.int32) for _ in range(4))
    filled = 0
    for start in range(0, table.num_rows, _SAMPLES_PER_CHUNK):
        up, down = (
            np.unpackbits(
                mask[start : start + _SAMPLES_PER_CHUNK].view(np.uint8),
                axis=1,
                bitorder="little",
                count=n_bits,
            )
            for mask in (masks["up"], masks["down"])
        )
        sample, labeler = np.nonzero(up | down)
        part = slice(filled, filled + len(sample))
        sample_V[part], labeler_V[part] = sample + start, labeler
        up_V[part], down_V[part] = up[sample, labeler], down[sample, labeler]
        filled += len(sample)
    assert filled == n_entries, "every bit of a mask is an entry"
    for m in counted:
        at_V = np.flatnonzero(labeler_V == m)
        up_V[at_V] = column(f"ups{m}", np.int32)[sample_V[at_V]]
        down_V[at_V] = column(f"downs{m}", np.int32)[sample_V[at_V]]
    return sample_V, labeler_V, up_V, down_V


def _one_by_one(con: duckdb.DuckDBPyConnection, columns: Mapping[Path, Sequence[tuple[int, str]]]) -> None:
    """Make `single`: every vote of long and wide blocks by itself; only caps need them so."""
    con.execute("CREATE TABLE single AS FROM voted")
    for block, inside in columns.items():
        for m, column in inside:
            con.execute(
                f"INSERT INTO single SELECT sample_id, row_id, {m}, {1 << (m % WORD)}, {column}, NULL FROM read_parquet({literal(block)}) "  # noqa: S608 - all parts are quoted
                f"WHERE {column} <> 0"
            )


def _apply_caps(con: duckdb.DuckDBPyConnection, labelers: Sequence[Labeler], rows: Path) -> None:
    """Leave a labeler at most so many votes on the rows that share a value; which ones, a hash decides."""
    for m, labeler in enumerate(labelers):
        if labeler.cap is None:
            continue
        per, most = labeler.cap
        column = group_sql(per, pq.read_schema(rows))
        con.execute(
            "DELETE FROM single WHERE m = ? AND row_id IN (SELECT row_id FROM (SELECT single.row_id, row_number() "  # noqa: S608 - the expression quotes its names
            f"OVER (PARTITION BY {column} ORDER BY md5(single.row_id)) AS n FROM single JOIN read_parquet({literal(rows)}) AS rows "
            f"USING (row_id) WHERE m = ? AND {column} IS NOT NULL) WHERE n > ?)",
            [m, m, most],
        )
