"""Dawid-Skene finds the error rates that votes were drawn from."""

import numpy as np
import pytest
from scipy.special import logit

from kto_data.aggregators.dawid_skene import DawidSkene
from kto_data.aggregators.em import MOST_LOG_ODDS, tempered
from kto_data.aggregators.majority import Majority
from kto_data.aggregators.patterns import find_patterns

RATES = [(0.95, 0.55), (0.6, 0.9), (0.8, 0.8), (0.9, 0.85), (0.55, 0.6)]


@pytest.fixture(scope="module")
def crowd(made):
    rng = np.random.default_rng(0)
    y_N = made.labels(rng, 6000, share=0.7)
    return y_N, made.table_of(np.stack([made.two_sided(rng, y_N, 0.9, *rates) for rates in RATES], axis=1))


def test_the_true_rates_are_found(crowd):
    _, votes = crowd
    found = DawidSkene().aggregate(votes)
    up = [np.log(right / (1 - wrong)) for right, wrong in RATES]
    down = [np.log((1 - right) / wrong) for right, wrong in RATES]
    np.testing.assert_allclose(found.worth_M, up, atol=0.25)
    np.testing.assert_allclose(found.worth_against_M, down, atol=0.25)
    assert found.facts["share"] == pytest.approx(0.7, abs=0.02)


def test_it_beats_the_majority_and_trusted_independence_is_calibrated(made, crowd):
    y_N, votes = crowd
    p_N = DawidSkene(correlation=0.0).posterior(votes)
    voted_N = ~np.isnan(p_N)
    assert made.accuracy(p_N, y_N) > made.accuracy(Majority().posterior(votes), y_N) + 0.03
    # votes were drawn independently: the mean probability is the share that is desirable
    assert p_N[voted_N].mean() == pytest.approx(y_N[voted_N].mean(), abs=0.02)


def test_copies_of_a_labeler_do_not_make_it_certain(made):
    rng = np.random.default_rng(1)
    y_N = made.labels(rng, 500)
    shared_N = made.two_sided(rng, y_N, 1.0, 0.75, 0.75)
    votes = made.table_of(np.stack([shared_N] * 12, axis=1))
    # a quarter of the samples is wrong: the best possible is .56; plain EM is certain, at a cost of 5 and more
    assert made.log_loss(DawidSkene().posterior(votes), y_N) < 1.5


def test_tempering_divides_by_the_design_effect_and_keeps_the_side(make_votes):
    patterns = find_patterns(make_votes([{"a": "+"}, {"a": "+", "b": "+", "c": "+"}]))
    # divided by 1 and by 1 + 0.5 x (3 - 1) = 2, then bounded
    bounded = MOST_LOG_ODDS * np.tanh(np.array([2.0, 1.0]) / MOST_LOG_ODDS)
    np.testing.assert_allclose(logit(tempered(np.array([2.0, 2.0]), patterns, 0.5)), bounded)
    assert tempered(np.array([100.0, -100.0]), patterns, 0.0) == pytest.approx([0.989, 0.011], abs=0.001)


def test_deciding_against_most_majorities_is_warned_of(made):
    # two labelers of four are stated to be nearly always wrong, so all that they say counts against itself
    contrary = {"prior_mean": 0.02, "prior_strength": 1e4}
    votes = made.table_of(np.ones((30, 3), dtype=int), m0=contrary, m1=contrary, m2=contrary)
    assert any("against the majority" in warning for warning in DawidSkene().aggregate(votes).warnings)
