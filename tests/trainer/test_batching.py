from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kto_trainer.batching import batch_sizes, epoch_batches

labels_and_prompts = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=120)


def epoch(rows, batch_size, seed=0):
    generator = np.random.default_rng(seed)
    return [
        b.tolist() for b in epoch_batches([x for x, _ in rows], [p for _, p in rows], batch_size, generator)
    ]


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"),
    [
        (64, 32, [32, 32]),
        (65, 32, [33, 32]),  # no batch of one row at the end
        (47, 32, [47]),
        (48, 32, [24, 24]),
        (5, 32, [5]),
        (3, 2, [3]),
        (1, 32, [1]),
    ],
)
def test_sizes_are_even_and_near_what_was_asked_for(n_rows, batch_size, sizes):
    assert batch_sizes(n_rows, batch_size) == sizes


@settings(deadline=None)  # a busy machine is no failure
@given(labels_and_prompts, st.integers(2, 40), st.integers(0, 99))
def test_every_row_is_in_exactly_one_batch_and_no_batch_has_one_row(rows, batch_size, seed):
    batches = epoch(rows, batch_size, seed)
    assert sorted(i for batch in batches for i in batch) == list(range(len(rows)))
    assert min(map(len, batches)) >= 2


@settings(deadline=None)  # a busy machine is no failure
@given(labels_and_prompts, st.integers(2, 40), st.integers(0, 99))
def test_the_rarer_class_is_spread_as_evenly_as_its_count_allows(rows, batch_size, seed):
    labels = [x for x, _ in rows]
    rarer = sum(labels) * 2 < len(labels)
    counts = [sum(labels[i] == rarer for i in batch) for batch in epoch(rows, batch_size, seed)]
    assert max(counts) - min(counts) <= 1


def test_paired_input_gives_no_batch_of_one_class():
    # All desirable rows first, then all undesirable ones: in this order a plain reader has only one-class batches.
    rows = [(True, i) for i in range(64)] + [(False, i) for i in range(64)]
    for batch in epoch(rows, 8):
        assert sum(rows[i][0] for i in batch) == 4


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 99))
def test_equal_prompts_hardly_ever_share_a_batch(seed):
    rows = [(k < 2, prompt) for prompt in range(32) for k in range(4)]  # 4 answers to each of 32 prompts
    batches = epoch(rows, 16, seed)
    shared = sum(n - 1 for batch in batches for n in Counter(rows[i][1] for i in batch).values())
    # Left to chance it would be 128 * 15/2 * 3/127 = 23 of the 128 rows; the last groups may find no free batch.
    assert shared <= 5


def test_epochs_differ_and_seeds_repeat():
    rows = [(i % 3 == 0, i) for i in range(64)]
    labels, prompts = [x for x, _ in rows], [p for _, p in rows]
    generator = np.random.default_rng(5)
    first, second = (
        [batch.tolist() for batch in epoch_batches(labels, prompts, 8, generator)] for _ in range(2)
    )
    assert first != second
    assert first == epoch(rows, 8, seed=5)
