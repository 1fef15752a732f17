import pytest
from kto_trainer import token_cache
from kto_trainer.dataset import read_split
from kto_trainer.encoding import Encoder
from kto_trainer.token_cache import cache_file, fitted_rows


@pytest.fixture
def split(make, tmp_path, monkeypatch):
    monkeypatch.setattr(token_cache, "MIN_ROWS", 1)
    return read_split(make.dataset(tmp_path / "data", make.polite_rows(24)), "train")


class Counting(Encoder):
    """An encoder that counts the rows it encodes."""

    n = 0

    def encode_all(self, pairs):
        for tokens in super().encode_all(pairs):
            Counting.n += 1
            yield tokens


def test_rows_are_encoded_once(split, tiny):
    Counting.n = 0
    first = fitted_rows(split, Counting(tiny[1], 24))
    assert Counting.n == 24
    assert fitted_rows(split, Counting(tiny[1], 24)) == first
    assert Counting.n == 24
    assert any(item.completion_cut for item in first)


@pytest.mark.parametrize("change", ["length", "template", "tokenizer"])
def test_whatever_changes_the_tokens_changes_the_file(split, tiny, change):
    before = cache_file(split, Encoder(tiny[1], 24))
    if change == "template":
        tiny[1].chat_template += " "
    if change == "tokenizer":
        tiny[1].add_tokens(["<one>"])
    assert cache_file(split, Encoder(tiny[1], 25 if change == "length" else 24)) != before


def test_a_damaged_file_is_made_again(split, tiny):
    encoder = Encoder(tiny[1], 64)
    first = fitted_rows(split, encoder)
    path = cache_file(split, encoder)
    path.write_bytes(path.read_bytes()[:50])
    assert fitted_rows(split, encoder) == first
    assert path.stat().st_size > 50
