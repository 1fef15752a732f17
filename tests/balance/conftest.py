"""Small selections: rows given as (row_id, label, weight) with their metadata."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.balance.mixed import Keys
from kto_data.balance.order_facts import order_facts
from kto_data.balance.profile import write_profile
from kto_data.balance.selection import SELECTION
from kto_data.balance.statistics import BalanceStatistics, Expected, mass
from kto_data.schema import rows_schema


@pytest.fixture
def write_selection(tmp_path):
    """Write rows given as (prompt, label, more...) and return the files `rows` and `selection`."""

    def write(*entries):
        rows, chosen = [], []
        for number, (prompt, label, *rest) in enumerate(entries):
            more = rest[0] if rest else {}
            text = [{"role": "user", "content": prompt}]
            answer = [{"role": "assistant", "content": more.get("completion", f"answer {number}")}]
            row_id = f"r{number}"
            ids = {"row_id": row_id, "sample_id": row_id, "prompt_id": prompt}
            meta = {
                "source": more.get("source", "log"),
                "model": more.get("model"),
                "created_at": more.get("at"),
            }
            rows.append({**ids, "prompt": text, "completion": answer, **meta})
            chosen.append(
                {
                    "row_id": row_id,
                    "split": more.get("split", "train"),
                    "label": label,
                    "weight": more.get("weight", 1.0),
                    "p_desirable": more.get("p"),
                    "decided_by": "aggregate",
                    "position": number,
                }
            )
        pq.write_table(pa.Table.from_pylist(rows, schema=rows_schema()), tmp_path / "rows.parquet")
        pq.write_table(pa.Table.from_pylist(chosen, schema=SELECTION), tmp_path / "selection.parquet")
        files = {name: tmp_path / f"{name}.parquet" for name in ("rows", "selection", "profile")}
        write_profile(files["profile"], rows=files["rows"], selection=files["selection"], seed=7)
        return files

    return write


@pytest.fixture
def counts():
    """Statistics of so many rows of each class, of these total weights."""

    def make(n_desirable, n_undesirable, weight_desirable=None, weight_undesirable=None, **more):
        n_rows = n_desirable + n_undesirable
        rows = mass(n_desirable, n_undesirable)
        label = np.arange(n_rows) < n_desirable
        facts = {
            "split": "train",
            "n_rows": n_rows,
            "n_desirable": n_desirable,
            "n_undesirable": n_undesirable,
            "share_desirable": n_desirable / n_rows if n_rows else None,
            "share_undesirable": n_undesirable / n_rows if n_rows else None,
            "ratio": n_desirable / n_undesirable if n_undesirable else None,
            "weight": mass(
                n_desirable if weight_desirable is None else weight_desirable,
                n_undesirable if weight_undesirable is None else weight_undesirable,
            ),
            "confidence": rows,
            "tokens": rows,
            "effective_rows": rows,
            "expected": Expected(float(n_desirable), 0.0, n_rows),
            "most_common_completion": mass(0.0, 0.0),
            "order": order_facts(label, Keys(np.arange(n_rows), np.arange(n_rows)), batch_rows=8),
            "n_prompts": n_rows,
            "n_prompts_both": 0,
            "n_prompts_only_desirable": n_desirable,
            "n_prompts_only_undesirable": n_undesirable,
            "by_source": (),
            "by_model": (),
            "by_language": (),
            "by_cluster": (),
            "by_time": (),
        }
        return BalanceStatistics(**facts | more)

    return make
