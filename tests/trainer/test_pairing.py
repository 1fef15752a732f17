from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kto_trainer.pairing import mismatched_pairs

keys = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6)


def broken(rows, partner):
    return sum(rows[i][0] == rows[j][0] or rows[i][1] == rows[j][1] for i, j in enumerate(partner))


def pair(rows, seed=0):
    return mismatched_pairs([p for p, _ in rows], [c for _, c in rows], np.random.default_rng(seed))


@settings(deadline=None)  # the first call imports scipy
@given(keys, st.integers(0, 99))
def test_pairs_are_valid_whenever_a_valid_derangement_exists(rows, seed):
    best = min(broken(rows, partner) for partner in permutations(range(len(rows))))
    pairing = pair(rows, seed)
    assert sorted(pairing.partner) == list(range(len(rows)))
    assert broken(rows, pairing.partner) == pairing.n_fallbacks == best


@settings(deadline=None)  # the first call imports scipy
@given(st.integers(2, 40), st.integers(0, 99))
def test_distinct_rows_never_meet_themselves(n, seed):
    pairing = pair([(i, i) for i in range(n)], seed)
    assert pairing.n_fallbacks == 0
    assert all(i != j for i, j in enumerate(pairing.partner))


@pytest.mark.parametrize(
    ("rows", "n_fallbacks"),
    [
        ([(1, 1)], 1),  # alone: only its own completion is there
        ([(1, 1), (1, 2)], 2),  # one prompt fills the batch
        ([(1, 1), (2, 1), (3, 1)], 3),  # one completion fills the batch
        (
            [(1, 1), (1, 2), (1, 3), (2, 4)],
            2,
        ),  # three answers to one prompt, one stranger: two stay among themselves
        ([(1, 1), (1, 2), (2, 3), (2, 4)], 0),
    ],
)
def test_where_no_derangement_exists_the_fallbacks_are_as_few_as_possible_and_counted(rows, n_fallbacks):
    assert pair(rows).n_fallbacks == n_fallbacks


def test_a_fallback_prefers_another_rows_completion_to_the_rows_own():
    partner = pair([(1, 1), (1, 2), (1, 3)]).partner
    assert all(i != j for i, j in enumerate(partner))


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others():
    rows = [(i, i) for i in range(32)]
    assert pair(rows, 1) == pair(rows, 1)
    assert pair(rows, 1) != pair(rows, 2)


def test_a_large_batch_is_paired_without_broken_pairs_in_little_time():
    prompts = np.repeat(np.arange(4000), 2)
    completions = np.arange(8000) % 7000
    found = mismatched_pairs(prompts, completions, np.random.default_rng(0))
    partner = np.array(found.partner)
    assert sorted(found.partner) == list(range(8000))
    assert found.n_fallbacks == 0
    assert not (prompts == prompts[partner]).any()
    assert not (completions == completions[partner]).any()
    assert found == mismatched_pairs(prompts, completions, np.random.default_rng(0))


def test_a_large_batch_of_one_prompt_has_fallbacks_only():
    found = mismatched_pairs(np.zeros(600, int), np.arange(600), np.random.default_rng(0))
    assert found.n_fallbacks == 600
