"""The desirable share, corrected by gold."""

import numpy as np
import pytest

from kto_data.statistics.share import corrected_share


def test_useless_predictions_leave_the_share_of_the_gold():
    share = corrected_share(np.full(100, 0.3), gold_G=np.arange(40) % 4 > 0, p_held_out_G=np.full(40, 0.3))
    assert (share.interval.estimate, share.tuning, share.naive) == pytest.approx((0.75, 0.0, 0.3))
    # the variance of a mean of forty: 40/39 x .75 x .25 / 40
    reach = 2.0227 * np.sqrt(0.75 * 0.25 / 39)  # Student's t with 39 degrees of freedom
    assert share.interval.lower == pytest.approx(0.75 - reach, abs=1e-3)


def test_perfect_predictions_count_all_samples():
    y_N = np.arange(1000) % 5 > 0
    share = corrected_share(y_N.astype(float), gold_G=y_N[:40], p_held_out_G=y_N[:40].astype(float))
    assert share.interval.estimate == pytest.approx(0.8, abs=0.01)
    assert share.worth > 400


def test_a_biased_predictor_is_corrected():
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(200):
        y_N = rng.random(2000) < 0.7
        p_N = np.where(y_N, 0.6, 0.2)  # says .48 on the average
        chosen = rng.choice(2000, 100, replace=False)
        share = corrected_share(p_N, gold_G=y_N[chosen], p_held_out_G=p_N[chosen])
        estimates.append(share.interval.estimate - y_N.mean())
    assert abs(np.mean(estimates)) < 0.005


def test_gold_that_was_chosen_more_often_counts_less():
    y_G, weight_G = np.array([True, False, False]), np.array([2.0, 1.0, 1.0])
    share = corrected_share(np.full(10, 0.5), gold_G=y_G, p_held_out_G=np.full(3, 0.5), weight_G=weight_G)
    assert share.interval.estimate == pytest.approx(0.5)


def test_samples_of_one_prompt_are_no_independent_evidence():
    rng = np.random.default_rng(1)
    y_G = np.repeat(rng.random(20) < 0.5, 5)
    args = {"gold_G": y_G, "p_held_out_G": np.full(100, 0.5)}
    alone = corrected_share(np.full(500, 0.5), **args)
    grouped = corrected_share(np.full(500, 0.5), **args, group_G=np.repeat(np.arange(20), 5))
    assert grouped.interval.upper - grouped.interval.lower > 2 * (alone.interval.upper - alone.interval.lower)


def test_gold_that_all_agrees_keeps_some_doubt():
    share = corrected_share(np.full(50, 0.9), gold_G=np.ones(20, dtype=bool), p_held_out_G=np.full(20, 0.9))
    assert share.interval.upper == 1.0
    assert 0.85 < share.interval.lower < 0.95


@pytest.mark.parametrize("n", [0, 1])
def test_too_little_gold_gives_no_share(n):
    assert (
        corrected_share(np.full(5, 0.5), gold_G=np.ones(n, dtype=bool), p_held_out_G=np.full(n, 0.5)) is None
    )


def test_samples_without_evidence_take_the_mean_of_the_others():
    p_N = np.array([0.2, 0.8, np.nan, np.nan])
    share = corrected_share(p_N, gold_G=np.array([True, False]), p_held_out_G=np.array([np.nan, np.nan]))
    assert share.naive == pytest.approx(0.5)
    assert share.interval.estimate == pytest.approx(0.5)
