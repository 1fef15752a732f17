"""Small selections: rows given as (row_id, label, weight) with their metadata."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.balance.selection import SELECTION
from kto_data.balance.statistics import BalanceStatistics
from kto_data.schema import rows_schema


@pytest.fixture
def write_selection(tmp_path):
    """Write rows given as (prompt, label, more...) and return the files `rows` and `selection`."""

    def write(*entries):
        rows, chosen = [], []
        for number, (prompt, label, *rest) in enumerate(entries):
            more = rest[0] if rest else {}
            text = [{"role": "user", "content": prompt}]
            row_id = f"r{number}"
            ids = {"row_id": row_id, "sample_id": row_id, "prompt_id": prompt}
            meta = {"source": more.get("source", "log"), "model": more.get("model")}
            rows.append({**ids, "prompt": text, "completion": text, **meta})
            chosen.append(
                {
                    "row_id": row_id,
                    "split": more.get("split", "train"),
                    "label": label,
                    "weight": more.get("weight", 1.0),
                    "decided_by": "aggregate",
                    "position": number,
                }
            )
        pq.write_table(pa.Table.from_pylist(rows, schema=rows_schema()), tmp_path / "rows.parquet")
        pq.write_table(pa.Table.from_pylist(chosen, schema=SELECTION), tmp_path / "selection.parquet")
        return {"rows": tmp_path / "rows.parquet", "selection": tmp_path / "selection.parquet"}

    return write


@pytest.fixture
def counts():
    """Statistics of so many rows of each class, of these total weights."""

    def make(n_desirable, n_undesirable, weight_desirable=None, weight_undesirable=None):
        n_rows = n_desirable + n_undesirable
        return BalanceStatistics(
            split="train",
            n_rows=n_rows,
            n_desirable=n_desirable,
            n_undesirable=n_undesirable,
            share_desirable=n_desirable / n_rows if n_rows else None,
            share_undesirable=n_undesirable / n_rows if n_rows else None,
            ratio=n_desirable / n_undesirable if n_undesirable else None,
            weight_desirable=float(n_desirable if weight_desirable is None else weight_desirable),
            weight_undesirable=float(n_undesirable if weight_undesirable is None else weight_undesirable),
            n_prompts=n_rows,
            n_prompts_both=0,
            n_prompts_only_desirable=n_desirable,
            n_prompts_only_undesirable=n_undesirable,
            by_source=(),
            by_model=(),
        )

    return make
