"""Majority counts votes."""

import numpy as np

from kto_data.aggregators.majority import Majority


def test_the_share_of_desirable_votes_is_the_probability(make_votes):
    p = Majority().posterior(make_votes([{"a": "+", "b": "-"}, {"a": "+++", "b": "-"}, {"b": "-"}, {}]))
    np.testing.assert_allclose(p, [0.5, 0.75, 0.0, np.nan])


def test_no_samples_and_no_labelers_are_no_trouble(make_votes):
    assert len(Majority().posterior(make_votes([]))) == 0
    assert np.isnan(Majority().posterior(make_votes([{}]))).all()
