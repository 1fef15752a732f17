"""Pushing to the hub."""

import pytest

from kto_data.dataset import hub
from kto_data.errors import InputError, UnavailableError

datasets = pytest.importorskip("datasets")


class FakeHub:
    """Keeps what it is given."""

    def __init__(self):
        self.files = {}

    def upload_file(self, *, path_or_fileobj, path_in_repo, repo_id, repo_type):
        self.files[path_in_repo] = path_or_fileobj


@pytest.fixture
def pushed(monkeypatch):
    """What `datasets` was asked to push, in place of the network."""
    found = {}

    def push(self, repo_id, private):
        found.update(
            rows={split: len(rows) for split, rows in self.items()}, repo_id=repo_id, private=private
        )

    monkeypatch.setattr(datasets.DatasetDict, "push_to_hub", push)
    return found


def test_the_splits_and_the_card_are_pushed(row, write, pushed):
    folder, _ = write([row(0), row(1, label=False), row(2, split="test")])
    fake = FakeHub()
    assert hub.push_to_hub(folder, "me/data", hub=fake) == "https://huggingface.co/datasets/me/data"
    assert pushed == {"rows": {"train": 2, "test": 1}, "repo_id": "me/data", "private": True}
    assert set(fake.files) == {"README.md", "balance.json"}
    card = fake.files["README.md"].decode()
    assert 'path: "data/train-*"' in card  # where `datasets` puts its shards
    assert "train-*.parquet" not in card


def test_a_changed_dataset_is_not_pushed(row, write, pushed):
    folder, _ = write([row(0)])
    (folder / "train-00000.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="was changed"):
        hub.push_to_hub(folder, "me/data", hub=FakeHub())
    assert pushed == {}


def test_a_hub_that_refuses_is_told_in_a_line(row, write, monkeypatch):
    def refuse(self, repo_id, private):
        raise OSError("401 Unauthorized\nlong traceback")

    monkeypatch.setattr(datasets.DatasetDict, "push_to_hub", refuse)
    folder, _ = write([row(0)])
    with pytest.raises(UnavailableError, match=r"me/data: the Hugging Face hub refused: 401 Unauthorized$"):
        hub.push_to_hub(folder, "me/data", hub=FakeHub())
