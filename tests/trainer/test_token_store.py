import os

import pytest
from kto_trainer import token_store
from kto_trainer.dataset import read_split
from kto_trainer.encoding import Encoder
from kto_trainer.token_store import store_folder, stored_tokens


@pytest.fixture
def split(make, tmp_path, monkeypatch):
    monkeypatch.setattr(token_store, "MIN_ROWS", 1)
    return read_split(make.dataset(tmp_path / "data", make.polite_rows(24)[::-1]), "train")


class Counting(Encoder):
    """An encoder that counts the rows it encodes."""

    n = 0

    def encode_all(self, pairs):
        for tokens in super().encode_all(pairs):
            Counting.n += 1
            yield tokens


def test_rows_are_encoded_once_and_come_back_by_number(split, tiny):
    Counting.n = 0
    encoder = Counting(tiny[1], 24)
    first = stored_tokens(split, encoder)
    assert Counting.n == 24
    expected = [encoder.fit(encoder.encode(row.prompt, row.completion)) for row in sorted(split.texts())]
    assert list(first) == [item.tokens for item in expected]
    assert first.index_N["completion_cut"].tolist() == [item.completion_cut for item in expected]
    assert any(item.completion_cut for item in expected)
    Counting.n = 0
    assert list(stored_tokens(split, encoder)) == list(first)
    assert Counting.n == 0


def test_a_split_that_is_not_kept_leaves_nothing(split, tiny):
    kept, passing = (stored_tokens(split, Encoder(tiny[1], 24), keep=keep) for keep in (True, False))
    assert list(kept) == list(passing)
    assert (kept.index_N == passing.index_N).all()
    assert len(list((split.folder / ".cache" / "tokens").iterdir())) == 1


@pytest.mark.parametrize("change", ["length", "template", "tokenizer"])
def test_whatever_changes_the_tokens_changes_the_folder(split, tiny, change):
    before = store_folder(split, Encoder(tiny[1], 24))
    if change == "template":
        tiny[1].chat_template += " "
    if change == "tokenizer":
        tiny[1].add_tokens(["<one>"])
    assert store_folder(split, Encoder(tiny[1], 25 if change == "length" else 24)) != before


@pytest.mark.parametrize("name", ["tokens.bin", "index.npy"])
def test_a_damaged_file_is_made_again(split, tiny, name):
    encoder = Encoder(tiny[1], 64)
    first = list(stored_tokens(split, encoder))
    path = store_folder(split, encoder) / name
    path.write_bytes(path.read_bytes()[:50])
    assert list(stored_tokens(split, encoder)) == first
    assert path.stat().st_size > 50


def test_a_folder_that_cannot_be_written_is_told_and_the_tokens_are_still_there(split, tiny):
    (split.folder / ".cache").write_text("in the way")
    said = []
    found = stored_tokens(split, Encoder(tiny[1], 24), said.append)
    assert len(list(found)) == 24
    assert "the tokens are not kept" in said[-1]


def test_what_a_killed_run_left_is_cleared_and_what_a_running_one_writes_is_not(split, tiny):
    encoder = Encoder(tiny[1], 24)
    folder = store_folder(split, encoder)
    for name, age in (("old", 2 * token_store.ABANDONED_S), ("new", 0)):
        partial = folder.with_name(f"{name}.partial")
        partial.mkdir(parents=True)
        for path in (partial / "tokens.bin", partial):
            path.touch()
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    stored_tokens(split, encoder)
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([folder.name, "new.partial"])


def test_the_tokens_of_what_the_dataset_was_before_go(make, tmp_path, tiny, monkeypatch):
    import shutil

    monkeypatch.setattr(token_store, "MIN_ROWS", 1)
    encoder, data = Encoder(tiny[1], 24), tmp_path / "data"
    old = read_split(make.dataset(data, make.polite_rows(8), make.polite_rows(4, 50)), "train")
    stored_tokens(old, encoder)
    shutil.copytree(
        make.dataset(tmp_path / "new", make.polite_rows(12), make.polite_rows(4, 50)),
        data,
        dirs_exist_ok=True,
    )
    new = read_split(data, "train")
    stored_tokens(new, encoder)
    test = read_split(data, "test")
    stored_tokens(test, encoder)
    kept = set(store_folder(new, encoder).parent.iterdir())
    assert kept == {store_folder(new, encoder), store_folder(test, encoder)}
