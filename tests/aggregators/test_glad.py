"""GLAD tells able labelers from poor ones, and easy samples from hard ones."""

import numpy as np

from kto_data.aggregators.glad import Glad
from kto_data.aggregators.majority import Majority


def test_able_labelers_outvote_many_poor_ones(made):
    rng = np.random.default_rng(0)
    y_N = made.labels(rng, 1500)
    votes = made.table_of(
        np.stack(
            [made.two_sided(rng, y_N, 1.0, a, a) for a in (0.95, 0.95, 0.55, 0.55, 0.55, 0.55, 0.55)], axis=1
        )
    )
    p_N = Glad().posterior(votes)
    assert made.accuracy(p_N, y_N) > 0.93 > made.accuracy(Majority().posterior(votes), y_N)


def test_a_sample_on_which_all_agree_is_surer_than_a_disputed_one(made):
    rng = np.random.default_rng(1)
    y_N = made.labels(rng, 500)
    votes_NM = np.stack([made.two_sided(rng, y_N, 1.0, 0.8, 0.8) for _ in range(5)], axis=1)
    votes_NM[0], votes_NM[1] = 1, [1, 1, 1, -1, -1]
    agreed, disputed, *_ = Glad(correlation=0.0).posterior(made.table_of(votes_NM))
    assert agreed > disputed > 0.5
