"""Stated probabilities against what happened."""

import numpy as np
import pytest

from kto_data.statistics.calibration import calibration


def test_probabilities_that_are_kept_have_no_calibration_error():
    stated = np.repeat([0.2, 0.8], 10)
    happened = np.array([True] * 2 + [False] * 8 + [True] * 8 + [False] * 2)
    found = calibration(stated, happened, n_bins=2)
    assert found.ece == pytest.approx(0.0)
    assert found.brier == pytest.approx(0.2 * 0.8)


def test_certainty_that_is_wrong_costs_most():
    found = calibration(np.array([1.0, 1.0]), np.array([False, False]))
    assert (found.brier, found.ece, found.share) == (1.0, 1.0, 0.0)


def test_nothing_to_compare_gives_nothing():
    assert calibration(np.zeros(0), np.zeros(0, dtype=bool)) is None
