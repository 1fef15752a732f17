"""Rows whose texts a step has changed: with ids of their new texts, so that nothing later knows the old ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.curation.step import Step
from kto_data.schema import content_id
from kto_data.tables import write_parquet

_ROWS_PER_BATCH = 1024
CONVERSATIONS = ("prompt", "completion", "next_turn")
"""The columns of `rows` that hold messages."""


def rewrite_rows(step: Step, rows: Path, out: Path) -> int:
    """Write all rows, in their order, as a step rewrites them; return how many it changed.

    Memory: one batch of rows.

    Args:
        step: A step that rewrites.
        rows: Parquet with `rows_schema`.
        out: Where to write the same.
    """
    n_changed = 0

    def rewritten() -> Iterator[pa.RecordBatch]:
        nonlocal n_changed
        for before in pq.ParquetFile(rows).iter_batches(_ROWS_PER_BATCH):
            after = step.rewrite(before)
            changed = _changed(before, after)
            n_changed += len(changed)
            yield _with_ids(after, changed)

    write_parquet(out, pq.read_schema(rows), rewritten(), group_rows=_ROWS_PER_BATCH * 8)
    return n_changed


def _changed(before: pa.RecordBatch, after: pa.RecordBatch) -> list[int]:
    if all(before[name].equals(after[name]) for name in CONVERSATIONS):
        return []
    pairs = [(before[name].to_pylist(), after[name].to_pylist()) for name in CONVERSATIONS]
    return [place for place in range(before.num_rows) if any(old[place] != new[place] for old, new in pairs)]


def _with_ids(rows: pa.RecordBatch, changed: list[int]) -> pa.RecordBatch:
    if not changed:
        return rows
    sample_ids, prompt_ids = rows["sample_id"].to_pylist(), rows["prompt_id"].to_pylist()
    for place in changed:
        prompt: list[dict[str, Any]] = rows["prompt"][place].as_py()
        prompt_ids[place] = content_id(prompt)
        sample_ids[place] = content_id(prompt, rows["completion"][place].as_py())
    for name, ids in (("sample_id", sample_ids), ("prompt_id", prompt_ids)):
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), pa.array(ids))
    return rows
