"""Texts as sparse vectors."""

import numpy as np
import pyarrow as pa
import pytest

from kto_data.texts.features import counted, inverse_frequencies, weighted


def test_words_and_pairs_of_words_are_counted():
    counts = counted(pa.array(["a b a", "a"]))
    assert sorted(counts[[0]].data.tolist()) == [1, 1, 1, 2]  # b, "a b", "b a", and a twice
    assert counts[[1]].data.sum() == 2  # a, and the pair that there is none of


def test_vectors_have_length_one_and_rare_words_weigh_more():
    counts = counted(pa.array(["the cat", "the dog", "the cow"]))
    weights = inverse_frequencies(np.bincount(counts.indices, minlength=counts.shape[1]), 3)
    vectors = weighted(counts, weights)
    similarity = (vectors @ vectors.T).toarray()
    assert np.diag(similarity) == pytest.approx(np.ones(3))
    assert 0 < similarity[0, 1] < 0.5


def test_a_seed_tells_equal_words_apart():
    one, two = counted(pa.array(["word"])), counted(pa.array(["word"]), seed=1)
    assert set(one.indices.tolist()).isdisjoint(two.indices.tolist())
