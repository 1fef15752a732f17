"""Words of texts as numbers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.texts.words import words


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("...", 0),
        ("Hello, World", 2),
        ("don't", 2),
        ("snake_case x1", 2),
        ("日本語 ab", 4),
        ("a+b", 3),
        ("2 - 2", 2),
        ("😀😀", 2),
        ("हिन्दी भाषा", 2),
        ("naïve\nÄÖ", 2),
    ],
)
def test_texts_have_so_many_words(text, n):
    assert words(pa.array([text])).start_D.tolist() == [0, n]


def test_case_and_what_stands_between_do_not_matter_and_order_does():
    one, two, three = (words(pa.array([text])).hash_W.tolist() for text in ("Ab CD", "ab,  cd!", "cd ab"))
    assert one == two == three[::-1]


def test_a_word_is_the_same_number_wherever_it_stands():
    found = words(pa.array(["ß ab", "ab", "x ab y"]))
    assert found.hash_W[1] == found.hash_W[2] == found.hash_W[4]


@given(st.lists(st.text(alphabet="aB é日+.\n", max_size=8), max_size=6))
def test_texts_are_counted_apart_whatever_their_neighbours(texts):
    together = words(pa.array(texts, pa.string()))
    alone = [words(pa.array([text])).hash_W for text in texts]
    assert together.hash_W.tolist() == np.concatenate([*alone, np.zeros(0, np.uint64)]).tolist()
    assert np.diff(together.start_D).tolist() == [len(one) for one in alone]


def test_a_slice_of_an_array_has_its_own_texts_alone():
    texts = pa.array(["one two", "three", "four five six"])
    assert words(texts.slice(1, 1)).hash_W.tolist() == words(pa.array(["three"])).hash_W.tolist()
