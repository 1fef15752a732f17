"""One-coin finds the accuracies that votes were drawn from."""

import numpy as np
from scipy.special import expit

from kto_data.aggregators.majority import Majority
from kto_data.aggregators.one_coin import OneCoin

ACCURACIES = [0.95, 0.9, 0.6, 0.55, 0.52]


def test_the_true_accuracies_are_found_and_used(made):
    rng = np.random.default_rng(0)
    y_N = made.labels(rng, 4000)
    votes = made.table_of(np.stack([made.two_sided(rng, y_N, 1.0, a, a) for a in ACCURACIES], axis=1))
    found = OneCoin().aggregate(votes)
    np.testing.assert_allclose(expit(found.worth_M), ACCURACIES, atol=0.03)
    np.testing.assert_allclose(found.worth_against_M, -found.worth_M)
    assert made.accuracy(found.p_desirable_N, y_N) > made.accuracy(Majority().posterior(votes), y_N) + 0.08
