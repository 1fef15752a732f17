"""Near-duplicates, against comparing everything with everything."""

import random

import numpy as np
import pyarrow as pa
import pytest

from kto_data.texts.near import Near, buckets
from kto_data.texts.near_pairs import clusters, keep_first, near_pairs
from kto_data.texts.shingle_sets import ShingleSets


def shingled(text, n):
    words = text.split()
    return {tuple(words[place : place + n]) for place in range(max(len(words) - n + 1, 1))}


def brute_force(texts, n, threshold):
    sets = [shingled(text, n) for text in texts]
    return {
        (a, b)
        for b in range(len(sets))
        for a in range(b)
        if len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= threshold
    }


def made_up(seed, n_texts, n_words):
    """Texts of which a third are others with a few words changed; some again and again."""
    rng = random.Random(seed)
    texts = []
    for _ in range(n_texts):
        words = [f"w{rng.randrange(500)}" for _ in range(rng.randint(1, n_words))]
        if texts and rng.random() < 0.35:
            words = rng.choice(texts[-20:]).split()
            for _ in range(rng.randint(0, 3)):
                words[rng.randrange(len(words))] = f"w{rng.randrange(500)}"
        texts.append(" ".join(words))
    return texts


@pytest.fixture
def find(tmp_path):
    def run(texts, n, threshold):
        near, column = Near(threshold, n), pa.array(texts)
        keys = near.keys([column])
        found = buckets(keys)
        sets = ShingleSets(tmp_path, len(texts), 1)
        sets.add(np.arange(len(texts)), [column], n)
        sets.close()
        return found, sets, keys

    return run


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize(("n", "n_words"), [(3, 20), (5, 80)])
def test_nearly_all_near_pairs_are_found_and_no_others(find, n, n_words, threshold):
    texts = made_up(1, 400, n_words)
    true = brute_force(texts, n, threshold)
    parts = list(near_pairs(*find(texts, n, threshold)[:2], threshold, find(texts, n, threshold)[2]))
    found = [
        pair for part in parts for pair in zip(part.first_P.tolist(), part.second_P.tolist(), strict=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) <= true
    assert len(found) >= 0.99 * len(true) > 20


def test_what_is_kept_is_not_near_and_what_is_dropped_is_near_a_kept_one(find):
    texts = made_up(2, 1500, 30)
    true = brute_force(texts, 3, 0.7)
    found, sets, _ = find(texts, 3, 0.7)
    near = keep_first(found, sets, 0.7)
    dropped = set(near.second_P.tolist())
    expected = set()
    for second in range(len(texts)):
        if any((first, second) in true for first in range(second) if first not in expected):
            expected.add(second)
    assert dropped <= expected
    assert len(expected - dropped) <= 0.01 * len(expected)
    assert set(zip(near.first_P.tolist(), near.second_P.tolist(), strict=True)) <= true
    assert not dropped & set(near.first_P.tolist())


def test_a_chain_keeps_its_ends_but_is_one_cluster(find):
    words = [f"w{n}" for n in range(60)]
    texts = [" ".join([*words[place:50], *(f"x{n}" for n in range(place))]) for place in (0, 4, 8)]
    found, sets, _ = find(texts, 1, 0.8)
    assert brute_force(texts, 1, 0.8) == {(0, 1), (1, 2)}
    assert keep_first(found, sets, 0.8).second_P.tolist() == [1]
    assert clusters(found, sets, 0.8, 3).tolist() == [0, 0, 0]


def test_clusters_are_those_of_all_near_pairs(find):
    texts = made_up(3, 800, 25)
    found, sets, _ = find(texts, 3, 0.7)
    label = list(range(len(texts)))
    for a, b in sorted(brute_force(texts, 3, 0.7)):
        low, high = sorted((label[a], label[b]))
        label = [low if one == high else one for one in label]
    got = clusters(found, sets, 0.7, len(texts)).tolist()
    assert np.mean([a == b for a, b in zip(got, label, strict=True)]) >= 0.99


def test_each_of_several_texts_must_be_near(tmp_path):
    prompts = pa.array(["one two three four"] * 2)
    completions = pa.array(["five six seven", "eight nine ten"])
    sets = ShingleSets(tmp_path, 2, 2)
    sets.add(np.arange(2), [prompts, completions], 2)
    sets.close()
    assert sets.similarities(np.array([0]), np.array([1])).tolist() == [0.0]
