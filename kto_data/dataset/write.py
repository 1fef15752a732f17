"""Writes a dataset folder: shards, `balance.json`, the card, and the manifest last.

The bytes of all files follow from the rows, the selection and what is passed in; there is no time stamp in them.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.dataset.card import ABOUT_COLUMNS, dataset_card
from kto_data.dataset.croissant import croissant
from kto_data.dataset.manifest import (
    SPLITS,
    DatasetManifest,
    ManifestWeights,
    Order,
    Shard,
    Split,
    SplitCounts,
)
from kto_data.dataset.messages import messages_type, narrow_messages, used_rare_fields
from kto_data.errors import InputError
from kto_data.runs.files import write_json, write_text
from kto_data.schema import dataset_schema
from kto_data.tables import add_view, database, read_query, regroup

GROUP_ROWS = 1000
"""Rows of a row group, and of what is in memory at a time."""

_OURS = re.compile(r"^\.?(train|test)-\d{5}\.parquet(\.partial)?$")


def write_dataset(
    folder: Path,
    *,
    rows: Path,
    selection: Path,
    weights: ManifestWeights,
    seed: int,
    order: Order,
    lineage: Mapping[str, Any],
    name: str,
    balance: Mapping[str, Any],
    license_id: str | None = None,
    allow_empty_train: bool = False,
    max_rows_per_shard: int = 50_000,
    advance: Callable[[int], None] | None = None,
) -> DatasetManifest:
    """Write a dataset folder and return its manifest.

    A dataset that is in the folder already is replaced; other files stay. A split without rows has no shard.

    Args:
        folder: Made if need be.
        rows: Parquet with `rows_schema`.
        selection: Parquet with `SELECTION`, as `select_rows` writes it.
        weights: The class weights to recommend.
        seed: Of the run.
        order: How the selection's positions were made, and what that came to.
        lineage: JSON values that say what the dataset follows from.
        name: What the dataset is called.
        balance: What `balance.json` holds, as JSON values.
        license_id: A license as the Hugging Face hub names it, such as `cc-by-4.0`; unknown by default.
        allow_empty_train: For a folder to evaluate on, with a test split alone.
        max_rows_per_shard: The most rows of a shard.
        advance: Called with the number of rows written since the last call.

    Raises:
        InputError: There are no rows to write, or none to train on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with database(folder) as con:
        add_view(con, "rows", rows)
        add_view(con, "selection", selection)
        counts = {split: _counts(con, split) for split in SPLITS}
        _require_rows(counts, allow_empty_train)
        _clear(folder)
        con.execute("CREATE VIEW chosen AS SELECT rows.* FROM rows SEMI JOIN selection USING (row_id)")
        messages = messages_type(used_rare_fields(con, "chosen"))
        shards = [
            shard
            for split in SPLITS
            for shard in _write_split(
                con, folder, split, dataset_schema(messages), max_rows_per_shard, advance
            )
        ]
    assert all(sum(s.rows for s in shards if s.split == split) == counts[split].rows for split in SPLITS), (
        "every selected row is in the rows file, once"
    )
    manifest = DatasetManifest(
        name=name,
        shards=tuple(shards),
        counts=counts,
        weights=weights,
        order=order,
        seed=seed,
        lineage=dict(lineage),
    )
    write_json(folder / "balance.json", dict(balance))
    write_text(
        folder / "README.md",
        dataset_card(manifest, columns=dataset_schema(messages).names, license_id=license_id),
    )
    columns = {name: ABOUT_COLUMNS[name] for name in dataset_schema(messages).names}
    write_json(folder / "croissant.json", croissant(manifest, columns=columns, license_id=license_id))
    write_json(folder / "manifest.json", manifest.model_dump(mode="json"))
    return manifest


def _counts(con: duckdb.DuckDBPyConnection, split: Split) -> SplitCounts:
    [(n_rows, n_desirable)] = con.execute(
        "SELECT count(*), count(*) FILTER (label) FROM selection WHERE split = ?", [split]
    ).fetchall()
    return SplitCounts(rows=n_rows, desirable=n_desirable, undesirable=n_rows - n_desirable)


def _require_rows(counts: Mapping[Split, SplitCounts], allow_empty_train: bool) -> None:
    if not any(count.rows for count in counts.values()):
        raise InputError(
            "there is nothing to write: no row has a label; add labelers or set `aggregate.when_no_evidence`"
        )
    if not counts["train"].rows and not allow_empty_train:
        raise InputError(
            f"all {counts['test'].rows:,} rows are held out for testing and none is left to train on; lower `split.test`"
        )


def _clear(folder: Path) -> None:
    # the manifest first: a folder without one is unfinished, whatever else stands in it
    (folder / "manifest.json").unlink(missing_ok=True)
    for path in folder.iterdir():
        if _OURS.match(path.name):
            path.unlink()


def _write_split(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    split: Split,
    schema: pa.Schema,
    max_rows: int,
    advance: Callable[[int], None] | None,
) -> list[Shard]:
    group_rows = min(GROUP_ROWS, max_rows)
    query = (
        "SELECT prompt, completion, label, weight, sample_id, row_id, prompt_id, source, p_desirable, decided_by "  # noqa: S608 - a word of ours
        f"FROM rows JOIN selection USING (row_id) WHERE split = '{split}' ORDER BY position"
    )
    groups = regroup(read_query(con, query, batch_rows=group_rows), group_rows)
    shards = []
    for number, part in enumerate(_parts(groups, max_rows // group_rows)):
        path = folder / f"{split}-{number:05}.parquet"
        n_rows = _write_shard(path, part, schema, advance)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        shards.append(Shard(path=path.name, split=split, rows=n_rows, sha256=digest))
    return shards


def _parts(groups: Iterable[pa.Table], n_groups: int) -> Iterator[Iterator[pa.Table]]:
    """Yield runs of `n_groups` groups; each must be used up before the next is asked for."""
    waiting = iter(groups)
    for first in waiting:
        yield islice(chain([first], waiting), n_groups)


def _write_shard(
    path: Path, tables: Iterable[pa.Table], schema: pa.Schema, advance: Callable[[int], None] | None
) -> int:
    partial = path.with_name(f".{path.name}.partial")
    messages = schema.field("prompt").type
    n_rows = 0
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for table in tables:
            for name in ("prompt", "completion"):
                place = table.schema.get_field_index(name)
                table = table.set_column(
                    place, schema.field(name), narrow_messages(table.column(name), messages)
                )
            writer.write_table(table.cast(schema), row_group_size=table.num_rows)
            n_rows += table.num_rows
            if advance is not None:
                advance(table.num_rows)
    os.replace(partial, path)
    return n_rows
