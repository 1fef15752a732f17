"""Weighted adds up log-odds."""

import numpy as np
import pytest

from kto_data.aggregators.weighted import Weighted


def posterior(votes):
    return Weighted(default_precision=0.75).posterior(votes)


def test_one_vote_leaves_the_labelers_precision(make_votes):
    votes = make_votes([{"a": "+"}, {"a": "-"}, {"b": "+"}], a={"prior_mean": 0.9})
    np.testing.assert_allclose(posterior(votes), [0.9, 0.1, 0.75])


def test_independent_votes_multiply_their_odds(make_votes):
    # odds 9 for, 3 against, 3 for: 9 * 3 / 3 = 9
    votes = make_votes([{"a": "+", "b": "-", "c": "+"}], a={"prior_mean": 0.9})
    np.testing.assert_allclose(posterior(votes), [0.9])


def test_events_vote_as_often_as_they_happened(make_votes):
    # two thumbs up and one down: odds 3 * 3 / 3
    np.testing.assert_allclose(posterior(make_votes([{"thumbs": "++-"}])), [0.75])


def test_a_weight_is_a_factor_on_the_log_odds(make_votes):
    votes = make_votes([{"a": "+"}], a={"weight": 2.0})
    np.testing.assert_allclose(posterior(votes), [0.9])  # odds 3 squared


def test_a_labeler_worse_than_chance_counts_against_itself(make_votes):
    np.testing.assert_allclose(posterior(make_votes([{"a": "+"}], a={"prior_mean": 0.2})), [0.2])


def test_nobody_voted_is_not_a_number(make_votes):
    assert np.isnan(posterior(make_votes([{}, {"a": "+"}]))[0])


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_certainty_stays_finite(make_votes, mean):
    assert np.isfinite(posterior(make_votes([{"a": "+"}], a={"prior_mean": mean}))).all()
