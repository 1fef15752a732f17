"""The histogram of two classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.statistics.histograms import histogram_by_class


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6, allow_subnormal=False), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.01, 0.2]),
)
def test_every_finite_value_is_counted_once(rows, tail):
    values, labels = (np.array(column) for column in zip(*rows, strict=True))
    found = histogram_by_class(values, labels, n_bins=5, tail=tail)
    assert len(found.edges) == 6
    assert list(found.edges) == sorted(found.edges)
    n_inside = sum(found.n_desirable) + sum(found.n_undesirable)
    assert n_inside + found.n_below + found.n_above == len(rows)


def test_one_far_outlier_does_not_squeeze_the_rest():
    values = np.append(np.linspace(0, 100, 999), 1e9)
    found = histogram_by_class(values, np.ones(1000, dtype=bool), n_bins=10)
    assert found.edges[-1] < 101
    assert found.n_above >= 1
    assert min(found.n_desirable) > 50


def test_values_that_are_not_finite_are_in_no_bin():
    values = np.array([1.0, np.nan, np.inf, 2.0])
    found = histogram_by_class(values, np.array([True, True, True, False]), n_bins=2, tail=0.0)
    assert (found.n_desirable, found.n_undesirable, found.n_below, found.n_above) == ((1, 0), (0, 1), 0, 0)


@pytest.mark.parametrize("values", [[], [np.nan]])
def test_without_a_finite_value_there_is_none(values):
    assert histogram_by_class(np.array(values), np.ones(len(values), dtype=bool)) is None
