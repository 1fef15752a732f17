"""Shingles of texts as numbers."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kto_data.texts.shingles import shingles


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=5))
def test_equal_shingles_are_equal_windows_of_words(texts):
    found = shingles(pa.array([" ".join(words) for words in texts], pa.string()), 3)
    windows = [tuple(words[place : place + 3]) for words in texts for place in range(max(len(words) - 2, 1))]
    assert len(found.hash_S) == len(windows)
    assert len(set(found.hash_S.tolist())) == len(set(windows))


def test_texts_without_words_are_equal_only_if_their_characters_are():
    found = shingles(pa.array(["...", "", "...", "?"]), 5)
    assert found.start_D.tolist() == [0, 1, 2, 3, 4]
    assert found.hash_S[0] == found.hash_S[2]
    assert len(set(found.hash_S.tolist())) == 3
