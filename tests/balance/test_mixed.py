"""The order `mixed`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.balance.mixed import Keys, balanced_word, mixed_order, repeats


def keys_of(prompts, completions=None):
    prompts = np.asarray(prompts)
    completions = np.arange(len(prompts)) if completions is None else np.asarray(completions)
    return Keys(*(np.unique(one, return_inverse=True)[1].astype(np.int64) for one in (prompts, completions)))


def ordered(label, keys, batch_rows=8, seed=3):
    order = mixed_order(np.asarray(label, dtype=bool), keys, batch_rows=batch_rows, seed=seed)
    near = [repeats(one[order], batch_rows) for one in (keys.prompts, keys.completions)]
    return order, *(int(one.sum()) for one in near)


def windows(label, batch_rows):
    width = min(batch_rows, len(label))
    return {sum(label[start : start + width]) for start in range(len(label) - width + 1)}


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=120),
    batch_rows=st.integers(2, 16),
    seed=st.integers(0, 2**63),
)
def test_every_row_has_one_place_and_any_window_holds_the_datasets_proportion(rows, batch_rows, seed):
    label = np.array([one for one, _, _ in rows], dtype=bool)
    keys = keys_of([prompt for _, prompt, _ in rows], [completion for _, _, completion in rows])
    order = mixed_order(label, keys, batch_rows=batch_rows, seed=seed)
    assert sorted(order.tolist()) == list(range(len(rows)))
    if rows:
        expected = min(batch_rows, len(rows)) * label.mean()
        assert windows(label[order].tolist(), batch_rows) <= {int(expected // 1), int(-(-expected // 1))}
    assert order.tolist() == mixed_order(label, keys, batch_rows=batch_rows, seed=seed).tolist()


@settings(deadline=None, max_examples=30)
@given(
    n_prompts=st.integers(40, 80),
    per_prompt=st.integers(1, 6),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_no_window_repeats_a_prompt_or_a_completion_where_there_is_room(n_prompts, per_prompt, share, seed):
    random = np.random.default_rng(seed)
    n = n_prompts * per_prompt
    completions = np.arange(n)
    completions[random.choice(n, size=n // 16, replace=False)] = (
        0  # one canned answer, half as often as can be
    )
    label = random.random(n) < share
    _, prompts_near, completions_near = ordered(label, keys_of(np.arange(n) // per_prompt, completions))
    assert (prompts_near, completions_near) == (0, 0)


@pytest.mark.parametrize(
    ("label", "prompts"),
    [
        (np.arange(4000) % 2 == 0, np.arange(4000) // 2),  # pairs, as a labelling tool writes them
        (np.arange(4000) < 2000, np.arange(4000) % 2000),  # all chosen, then all rejected, as TRL unpairs
        (np.arange(4000) < 400, np.arange(4000) // 40),  # sorted by label, a hundred prompts
        (np.arange(3000) % 3 == 0, np.arange(3000) % 10),  # ten prompts: each must come every tenth row
    ],
)
def test_data_in_the_worst_order_comes_out_mixed(label, prompts):
    order, prompts_near, _ = ordered(label, keys_of(prompts))
    expected = 8 * label.mean()
    assert windows(label[order].tolist(), 8) <= {int(expected // 1), int(-(-expected // 1))}
    assert prompts_near == 0


def test_what_is_too_frequent_costs_only_what_it_must():
    # 1,040 of 8,000 rows are one answer; 1,000 can stand 8 rows apart, and each of the other 40 comes near two others
    completions = np.where(np.arange(8000) < 1040, 0, np.arange(8000))
    label = np.random.default_rng(1).random(8000) < 0.6
    _, prompts_near, completions_near = ordered(label, keys_of(np.arange(8000), completions))
    assert prompts_near == 0
    assert 40 <= completions_near <= 200


def test_one_prompt_in_all_rows_is_ordered_by_label_alone():
    label = np.arange(1000) < 300
    order, prompts_near, _ = ordered(label, keys_of(np.zeros(1000, dtype=int)))
    assert windows(label[order].tolist(), 8) == {2, 3}
    assert prompts_near == 999


def test_another_seed_gives_another_order():
    label, keys = np.arange(100) % 2 == 0, keys_of(np.arange(100))
    assert ordered(label, keys, seed=1)[0].tolist() != ordered(label, keys, seed=2)[0].tolist()


@pytest.mark.parametrize(("n", "n_desirable"), [(0, 0), (5, 0), (5, 5), (10, 3), (1000, 999)])
def test_a_balanced_word_holds_so_many(n, n_desirable):
    for shift in range(0, max(n, 1), 7):
        assert int(balanced_word(n, n_desirable, shift=shift).sum()) == n_desirable
