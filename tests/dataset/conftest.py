"""Small runs up to the dataset: rows, labels and sides in, the files that a dataset is written from out."""

from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.balance.options import BalanceOptions
from kto_data.balance.weights import UNWEIGHTED
from kto_data.curation.run import KEPT
from kto_data.curation.split import SPLIT
from kto_data.dataset.manifest import ManifestWeights, Order
from kto_data.dataset.select import select_rows
from kto_data.dataset.write import write_dataset
from kto_data.schema import LABELS, content_id, rows_schema


def make_row(number, label=True, split="train", prompt=None, completion=None, p_desirable=None, source="log"):
    """Return a row with its label (None for undecided) and side."""
    prompt = prompt or [{"role": "user", "content": f"question {number}"}]
    completion = completion or [{"role": "assistant", "content": f"answer {number}"}]
    ids = {
        "row_id": f"log#{number:04}",
        "sample_id": content_id(prompt, completion),
        "prompt_id": content_id(prompt),
    }
    return {
        **ids,
        "prompt": prompt,
        "completion": completion,
        "source": source,
        "label": label,
        "split": split,
        "p_desirable": p_desirable,
    }


@pytest.fixture
def row():
    return make_row


@pytest.fixture
def inputs(tmp_path):
    """Write the files of rows made by `row`, and the selection; return what `write_dataset` reads."""

    def write(rows, options=None, seed=7):
        folder = tmp_path / "inputs"
        folder.mkdir(exist_ok=True)
        labels = {r["sample_id"]: r | {"decided_by": "rules", "n_votes": 1, "conflict": False} for r in rows}
        tables = {
            "rows": (rows, rows_schema()),
            "kept": (rows, KEPT),
            "split": (rows, SPLIT),
            "labels": (list(labels.values()), LABELS),
        }
        for name, (entries, schema) in tables.items():
            pq.write_table(pa.Table.from_pylist(entries, schema=schema), folder / f"{name}.parquet")
        paths = {name: folder / f"{name}.parquet" for name in ("rows", "kept", "labels", "split")}
        selection = folder / "selection.parquet"
        counts = select_rows(options or BalanceOptions(), **paths, out=selection, seed=seed)
        return {"rows": folder / "rows.parquet", "selection": selection}, counts

    return write


@pytest.fixture
def write(inputs, tmp_path):
    """Write a dataset of rows made by `row`, and return its folder and manifest."""

    def run(rows, folder="dataset", seed=7, **more):
        files, _ = inputs(rows, seed=seed)
        more = {
            "weights": ManifestWeights.model_validate(asdict(UNWEIGHTED)),
            "balance": {"train": {"n_rows": len(rows)}},
            "name": "test data",
            "lineage": {"rows": "abc"},
            "order": Order(kind="shuffled", seed=7),
        } | more
        return tmp_path / folder, write_dataset(tmp_path / folder, **files, seed=seed, **more)

    return run
