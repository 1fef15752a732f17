"""Stated probabilities against what happened."""

import numpy as np
import pytest

from kto_data.statistics.calibration import calibration, ece_by_chance, reliability


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


def test_bins_hold_equally_many_cases_from_the_least_likely_on():
    p = np.linspace(0.05, 0.95, 20)
    bins = reliability(p, p > 0.5, n_bins=4)
    assert [one.n for one in bins] == [5] * 4
    assert [one.share.estimate for one in bins] == [0.0, 0.0, 1.0, 1.0]
    assert bins[0].mean_stated == pytest.approx(p[:5].mean())
    assert reliability(np.array([]), np.array([], dtype=bool)) == ()


def test_perfect_probabilities_have_a_calibration_error_by_chance_that_falls_with_more_cases():
    generator = np.random.default_rng(0)
    few, many = (ece_by_chance(np.full(n, 0.5), generator) for n in (20, 2000))
    assert many < few / 5
    outcome = generator.random(2000) < 0.5
    assert calibration(np.full(2000, 0.5), outcome).ece < 2 * many
    assert ece_by_chance(np.array([]), generator) is None
