"""Ranking measures against hand-computed values and brute force over all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.statistics.auc import auc, auc_interval, pair_accuracy_interval, within_group_pair_accuracy

ROWS = st.lists(
    st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from(["p", "q", "r"])), min_size=1, max_size=40
)


def arrays(rows):
    scores, labels, groups = zip(*rows, strict=True)
    return np.array(scores, dtype=float), np.array(labels), np.array(groups)


def won_pairs(rows):
    """Half points of all pairs, one by one."""
    return [
        1.0 if good > bad else 0.5 if good == bad else 0.0
        for good, is_good, _ in rows
        if is_good
        for bad, is_bad, _ in rows
        if not is_bad
    ]


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([1, 2, 2, 3], [0, 1, 0, 1], (1 + 0.5 + 1 + 1) / 4),
        ([-np.inf, np.inf, 0], [0, 1, 1], 1.0),
    ],
)
def test_auc_is_the_share_of_won_pairs(scores, labels, expected):
    assert auc(np.array(scores, dtype=float), np.array(labels, dtype=bool)) == expected


@given(ROWS)
def test_auc_equals_brute_force(rows):
    scores, labels, _ = arrays(rows)
    pairs = won_pairs(rows)
    assert auc(scores, labels) == (pytest.approx(np.mean(pairs)) if pairs else None)


@given(ROWS)
def test_pair_accuracy_equals_brute_force(rows):
    pairs = [won_pairs([row for row in rows if row[2] == group]) for group in "pqr"]
    flat = [point for points in pairs for point in points]
    accuracy = within_group_pair_accuracy(*arrays(rows))
    assert accuracy.n_pairs == len(flat)
    assert accuracy.n_groups == sum(bool(points) for points in pairs)
    assert accuracy.share == (pytest.approx(np.mean(flat)) if flat else None)


@settings(max_examples=50)
@given(ROWS)
def test_a_rising_change_of_scale_changes_nothing(rows):
    scores, labels, groups = arrays(rows)
    assert auc(np.exp(scores), labels) == auc(scores, labels)
    assert within_group_pair_accuracy(np.exp(scores), labels, groups) == within_group_pair_accuracy(
        scores, labels, groups
    )


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_one_class_has_no_auc_and_no_pairs(labels):
    scores, labels = np.zeros(len(labels)), np.array(labels, dtype=bool)
    assert auc(scores, labels) is None
    assert within_group_pair_accuracy(scores, labels, np.arange(len(labels))).share is None
    assert auc_interval(scores, labels, np.arange(len(labels)), np.random.default_rng(0)) is None
    assert pair_accuracy_interval(scores, labels, np.arange(len(labels)), np.random.default_rng(0)) is None


def test_scores_that_are_not_numbers_are_counted_and_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc(np.array([np.nan, 1.0]), np.array([True, False]))


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 1, 2\]"):
        within_group_pair_accuracy(np.zeros(2), np.array([True]), np.array(["p", "q"]))


def test_knowing_only_the_prompt_gives_an_auc_but_no_pair_accuracy():
    # the score knows that prompt p goes well (2 of 3 desirable) and q does not (1 of 3)
    scores = np.array([1.0, 1, 1, 0, 0, 0])
    labels = np.array([True, True, False, True, False, False])
    groups = np.array(["p", "p", "p", "q", "q", "q"])
    # 9 pairs: p's two against q's two win (4), against p's one tie (2 halves); q's one loses 1, ties 2
    assert auc(scores, labels) == pytest.approx((4 + 1 + 0 + 1) / 9)
    assert within_group_pair_accuracy(scores, labels, groups).share == 0.5


def noisy(n_prompts, seed):
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_prompts), 4)
    labels = generator.random(4 * n_prompts) < 0.5
    scores = labels + generator.normal(size=4 * n_prompts)
    return scores, labels, groups


@pytest.mark.slow
@pytest.mark.parametrize("interval", [auc_interval, pair_accuracy_interval])
def test_the_intervals_cover_the_known_value_nearly_as_often_as_they_say(interval):
    """P(1 + Z > Z') of two standard normals is Phi(1 / sqrt 2) = 0.7602; 150 runs have an error of 1.9 points."""
    generator = np.random.default_rng(0)
    found = [interval(*noisy(60, seed), generator, n_resamples=200) for seed in range(150)]
    assert np.mean([not each.excludes(0.7602) for each in found]) == pytest.approx(0.94, abs=0.05)


def test_the_pair_interval_agrees_with_its_share():
    scores, labels, groups = noisy(60, 4)
    interval = pair_accuracy_interval(scores, labels, groups, np.random.default_rng(0), n_resamples=200)
    assert interval.estimate == within_group_pair_accuracy(scores, labels, groups).share
    assert interval.lower < interval.estimate < interval.upper
