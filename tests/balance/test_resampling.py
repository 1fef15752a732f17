"""Row weights as copies of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.balance.resampling import resampling_plan


@given(
    st.lists(st.floats(0.0, 50.0), min_size=1, max_size=80).filter(lambda w: sum(w) > 1e-3),
    st.integers(0, 99),
)
def test_each_row_comes_as_often_as_it_weighs_rounded_up_or_down(weights, seed):
    plan = resampling_plan(np.array(weights), seed=seed)
    wanted = np.array(weights) * len(weights) / sum(weights)
    assert plan.copies.sum() == len(weights)
    assert (plan.copies >= np.floor(wanted - 1e-6)).all()
    assert (plan.copies <= np.ceil(wanted + 1e-6)).all()


def test_equal_weights_change_nothing():
    plan = resampling_plan(np.ones(5), seed=3)
    assert plan.copies.tolist() == [1] * 5
    assert (plan.n_distinct, plan.effective_rows, plan.effective_rows_weighted) == (5, 5.0, 5.0)


def test_what_it_costs_is_told():
    plan = resampling_plan(np.array([3.0, 3.0, 0.0, 0.0, 0.0, 0.0]), seed=1)
    assert plan.copies.tolist() == [3, 3, 0, 0, 0, 0]
    assert (plan.n_distinct, plan.effective_rows) == (2, pytest.approx(2.0))
