"""Small rows files: what a test does not name takes a plain value."""

from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.curation.run import run_steps
from kto_data.curation.step import STEPS, PlannedStep
from kto_data.schema import LABELS, VOTES, content_id, rows_schema


def make_row(row_id, prompt="hi", completion="yes", **more):
    asked = [{"role": "user", "content": prompt}]
    answered = [{"role": "assistant", "content": completion}]
    return {
        "row_id": row_id,
        "sample_id": content_id(asked, answered),
        "prompt_id": content_id(asked),
        "prompt": asked,
        "completion": answered,
        "source": "log",
        **more,
    }


@pytest.fixture
def row():
    return make_row


@pytest.fixture
def write_rows(tmp_path):
    def write(rows, meta=None, name="rows.parquet"):
        path = tmp_path / name
        schema = rows_schema(pa.struct(meta) if meta else None)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
        return path

    return write


@pytest.fixture
def write_votes(tmp_path):
    """Write thumbs, given as (row, +1, 0 or -1)."""

    def write(*thumbs, name="votes.parquet", about="event"):
        votes = [
            {
                "sample_id": row["sample_id"],
                "row_id": row["row_id"] if about == "event" else None,
                "labeler": "thumbs",
                "version": "1",
                "vote": vote,
            }
            for row, vote in thumbs
        ]
        path = tmp_path / name
        pq.write_table(pa.Table.from_pylist(votes, schema=VOTES), path)
        return path

    return write


@pytest.fixture
def write_labels(tmp_path):
    """Write labels, given as (row, label, who decided, number of votes)."""

    def write(*labels):
        table = [
            {"sample_id": row["sample_id"], "label": label, "decided_by": by, "n_votes": n, "conflict": False}
            for row, label, by, n in labels
        ]
        path = tmp_path / "given_labels.parquet"
        pq.write_table(pa.Table.from_pylist(table, schema=LABELS), path)
        return path

    return write


@pytest.fixture
def curate_step(tmp_path):
    """Run one step that has been made already."""

    def run(rows, name, step):
        kept, dropped = tmp_path / "kept.parquet", tmp_path / "dropped.parquet"
        result = run_steps([PlannedStep(name, step)], rows=rows, kept=kept, dropped=dropped, seed=7)
        return SimpleNamespace(
            kept=pq.read_table(kept)["row_id"].to_pylist(),
            dropped=pq.read_table(dropped).to_pylist(),
            result=result,
        )

    return run


@pytest.fixture
def curate(tmp_path):
    """Run steps given as (name, options) and return kept row_ids, dropped rows and the accounting."""

    def run(rows, *steps, seed=7, labels=None, **inputs):
        if labels is None:
            labels = tmp_path / "labels.parquet"
            pq.write_table(LABELS.empty_table(), labels)
        kept, dropped = tmp_path / "kept.parquet", tmp_path / "dropped.parquet"
        planned = [PlannedStep(name, STEPS.get(name)(**options)) for name, options in steps]
        result = run_steps(planned, rows=rows, kept=kept, dropped=dropped, seed=seed, labels=labels, **inputs)
        return SimpleNamespace(
            kept=pq.read_table(kept)["row_id"].to_pylist(),
            dropped=pq.read_table(dropped).to_pylist(),
            result=result,
            bytes=kept.read_bytes() + dropped.read_bytes(),
        )

    return run
