"""What every method promises, whatever the votes."""

import numpy as np
import pytest

from kto_data.aggregators.method import METHODS, Gold

ALL = list(METHODS)
LEARNING = ["dawid_skene", "one_coin", "glad", "firing"]


def answer(name, votes, gold=None):
    return METHODS.get(name)().aggregate(votes, gold)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "samples",
    [
        [],
        [{}],
        [{}, {"a": "+"}],
        [{"a": "+"}] * 5,
        [{"a": "+", "b": "+"}] * 3,
        [{"a": "-", "b": "+"}] * 3,
        [{"thumbs": "++++-"}, {"thumbs": "-"}, {"a": "+-"}],
    ],
)
def test_odd_tables_give_probabilities_or_nothing(make_votes, name, samples):
    p_N = answer(name, make_votes(samples)).p_desirable_N
    assert len(p_N) == len(samples)
    for p, sample in zip(p_N, samples, strict=True):
        assert 0 <= p <= 1 if sample else np.isnan(p)


@pytest.mark.parametrize("name", ALL)
def test_a_lone_vote_is_believed(make_votes, name):
    p_N = answer(name, make_votes([{"a": "+"}, {"a": "-"}])).p_desirable_N
    assert p_N[0] > 0.5 > p_N[1]


@pytest.mark.parametrize("name", ALL)
def test_good_labelers_are_followed(made, name):
    rng = np.random.default_rng(1)
    y_N = made.labels(rng, 600)
    votes_NM = np.stack([made.two_sided(rng, y_N, 0.8, 0.85, 0.85) for _ in range(7)], axis=1)
    assert made.accuracy(answer(name, made.table_of(votes_NM)).p_desirable_N, y_N) > 0.9


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_samples_and_labelers_changes_nothing(made, name):
    rng = np.random.default_rng(2)
    y_N = made.labels(rng, 200)
    votes_NM = np.stack([made.two_sided(rng, y_N, 0.5, 0.8, 0.7) for _ in range(5)], axis=1)
    p_N = answer(name, made.table_of(votes_NM)).p_desirable_N
    turned_N = answer(name, made.table_of(votes_NM[::-1, ::-1])).p_desirable_N[::-1]
    np.testing.assert_allclose(p_N, turned_N, atol=1e-3)


@pytest.mark.parametrize("name", [*LEARNING, "weighted"])
def test_weight_zero_silences_a_labeler(made, name):
    rng = np.random.default_rng(3)
    y_N = made.labels(rng, 300)
    votes_NM = np.stack([made.two_sided(rng, y_N, 1.0, 0.8, 0.8) for _ in range(4)], axis=1)
    votes_NM[:, 3] = -votes_NM[:, 3]
    p_N = answer(name, made.table_of(votes_NM, m3={"weight": 0.0})).p_desirable_N
    flipped_NM = votes_NM * np.array([1, 1, 1, -1])
    same_N = answer(name, made.table_of(flipped_NM, m3={"weight": 0.0})).p_desirable_N
    # what it votes must not matter for what the others decide
    assert ((p_N > 0.5) == (same_N > 0.5)).mean() > 0.99


@pytest.mark.parametrize("name", [*LEARNING, "weighted"])
def test_a_stated_precision_tips_an_even_pair(make_votes, name):
    votes = make_votes(
        [{"a": "+", "b": "-"}],
        a={"prior_mean": 0.95, "prior_strength": 50.0},
        b={"prior_mean": 0.6, "prior_strength": 50.0},
    )
    assert answer(name, votes).p_desirable_N[0] > 0.5


@pytest.mark.parametrize("name", ["majority"])
def test_a_method_that_cannot_use_weights_says_so(make_votes, name):
    (warning,) = answer(name, make_votes([{"a": "+"}], a={"weight": 2.0})).warnings
    assert "ignores the weight of a" in warning


@pytest.mark.parametrize("name", ["dawid_skene", "one_coin", "glad"])
def test_one_sided_labelers_are_warned_of(make_votes, name):
    warnings = answer(name, make_votes([{"a": "-"}, {"b": "-"}, {"a": "-", "b": "-"}])).warnings
    assert any("only ever vote one way" in warning for warning in warnings)


@pytest.mark.parametrize("name", LEARNING)
def test_gold_changes_nothing_for_methods_that_do_not_learn_from_it(make_votes, name):
    votes = make_votes([{"a": "+"}, {"a": "-"}])
    with_gold = answer(name, votes, Gold(np.array([0]), np.array([False])))
    np.testing.assert_array_equal(with_gold.p_desirable_N, answer(name, votes).p_desirable_N)
