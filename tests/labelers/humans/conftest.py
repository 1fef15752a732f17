"""A ledger, a client and items that are about nothing in particular."""

import pytest

from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.connection import Connection
from kto_data.labelers.humans.ledger import MAIN, Batch, Item, Ledger
from kto_data.labelers.humans.task_text import task_data


@pytest.fixture
def studio(studio_server):
    with Studio(Connection(studio_server.url, studio_server.account.token)) as studio:
        yield studio


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "annotation")
    yield ledger
    ledger.close()


def make_items(n, batch="b1", completion="an answer", p_selected=0.5):
    items = []
    for i in range(n):
        sample = f"{batch}s{i:04d}"
        prompt = [{"role": "user", "content": f"question {i}"}]
        data = task_data(f"{batch}-{sample}", prompt, [{"role": "assistant", "content": f"{completion} {i}"}])
        items.append(Item(f"{batch}-{sample}", batch, sample, "all", p_selected, "random", "label", data))
    return items


@pytest.fixture
def add_batch(ledger):
    def add(n, batch="b1", overlap=2, kind=MAIN, **more):
        number = len(ledger.batches()) + 1
        ledger.add_batch(
            Batch(batch, number, kind, f"request {batch}", "random", overlap, number),
            make_items(n, batch, **more),
        )

    return add


@pytest.fixture
def tasks_of(ledger):
    """Task numbers by sample."""
    return lambda: {row["sample_id"]: row["task"] for row in ledger.rows("SELECT sample_id, task FROM items")}
