"""Intervals against published values, simulation and brute force."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.statistics.intervals import (
    Interval,
    cluster_bootstrap,
    difference,
    difference_of_shares,
    mean_of_pairs,
    wilson,
)


@pytest.mark.parametrize(
    ("n_successes", "n", "lower", "upper"),
    [  # R. G. Newcombe (1998), Two-sided confidence intervals for the single proportion, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_values(n_successes, n, lower, upper):
    interval = wilson(n_successes, n)
    assert (round(interval.lower, 4), round(interval.upper, 4)) == (lower, upper)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_its_estimate_and_is_symmetric_in_the_two_outcomes(counts):
    n_successes, n = counts
    interval, mirrored = wilson(n_successes, n), wilson(n - n_successes, n)
    assert 0 <= interval.lower <= interval.estimate <= interval.upper <= 1
    assert interval.lower == pytest.approx(1 - mirrored.upper, abs=1e-12)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_ends_solve_the_score_equation(counts):
    n_successes, n = counts
    interval = wilson(n_successes, n)
    z = 1.959963984540054
    for end in (interval.lower, interval.upper):
        assert (n_successes / n - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, abs=1e-12)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_wilson_covers_the_true_share_as_often_as_it_says(p):
    """Coverage oscillates with n and p; Wilson's stays within 4 points of 95% from n = 20 on."""
    generator = np.random.default_rng(7)
    for n in (20, 100):
        drawn = generator.binomial(n, p, size=2000)
        covered = [not wilson(int(k), n).excludes(p) for k in drawn]
        assert np.mean(covered) == pytest.approx(0.95, abs=0.04)
        exact = sum(
            comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if not wilson(k, n).excludes(p)
        )
        # 2000 draws: the standard error of the simulated coverage is below 0.007
        assert np.mean(covered) == pytest.approx(exact, abs=0.025)


def test_a_higher_level_is_wider():
    assert wilson(3, 10, level=0.99).lower < wilson(3, 10).lower < wilson(3, 10, level=0.8).lower


def test_nothing_counted_has_no_interval():
    assert wilson(0, 0) is None
    assert difference_of_shares(0, 0, 1, 2) is None
    assert difference_of_shares(1, 2, 0, 0) is None


@pytest.mark.parametrize(("n_successes", "n"), [(3, 2), (-1, 2)])
def test_more_successes_than_cases_are_refused(n_successes, n):
    with pytest.raises(ValueError, match=f"{n_successes} successes in {n} cases"):
        wilson(n_successes, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(1, 2, level=level)


@pytest.mark.parametrize(
    ("counts", "lower", "upper"),
    [  # the first examples of Newcombe (1998), method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_difference_of_shares_gives_the_published_values(counts, lower, upper):
    gap = difference_of_shares(*counts)
    assert (round(gap.lower, 4), round(gap.upper, 4)) == (lower, upper)


def test_turning_a_difference_round_turns_its_interval_round():
    there, back = difference_of_shares(8, 10, 30, 60), difference_of_shares(30, 60, 8, 10)
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower))


def test_intervals_of_different_levels_do_not_mix():
    with pytest.raises(ValueError, match="different levels"):
        difference(Interval(0.5, 0.4, 0.6, 0.95), Interval(0.5, 0.4, 0.6, 0.9))


def test_excludes_is_strict_at_the_ends():
    interval = Interval(0.5, 0.4, 0.6)
    assert [interval.excludes(value) for value in (0.39, 0.4, 0.5, 0.6, 0.61)] == [1, 0, 0, 0, 1]


def mean_of(values):
    return lambda rows: float(values[rows].mean())


def test_the_bootstrap_draws_whole_groups():
    # two rows a group and the groups' own means differ: every resampled mean is a mean of group means
    values = np.array([0.0, 2.0, 10.0, 12.0, 20.0, 22.0])
    groups = np.array(["a", "a", "b", "b", "c", "c"])
    seen = []

    def mean(rows):
        seen.append(sorted(rows.tolist()))
        return float(values[rows].mean())

    cluster_bootstrap(mean, groups, np.random.default_rng(0), n_resamples=50)
    assert all(len(rows) == 6 and all(rows.count(i) == rows.count(i + 1) for i in (0, 2, 4)) for rows in seen)


def test_the_bootstrap_takes_groups_of_any_size_in_any_order():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    totals = {tuple(sorted(np.flatnonzero(groups == g).tolist())) for g in "abc"}

    def check(rows):
        rest = sorted(rows.tolist())
        for total in totals:
            while rest and total[0] in rest:
                for row in total:
                    rest.remove(row)
        assert rest == []
        return 1.0

    cluster_bootstrap(check, groups, np.random.default_rng(0), n_resamples=50)


def test_copies_of_rows_do_not_make_the_interval_narrower():
    generator = np.random.default_rng(3)
    values, groups = generator.normal(size=40), np.arange(40)
    once = cluster_bootstrap(mean_of(values), groups, np.random.default_rng(1))
    copied = cluster_bootstrap(mean_of(np.repeat(values, 9)), np.repeat(groups, 9), np.random.default_rng(1))
    assert (copied.lower, copied.upper) == pytest.approx((once.lower, once.upper))


def test_the_same_generator_gives_the_same_interval():
    values, groups = np.arange(30.0), np.arange(30) // 3
    intervals = {cluster_bootstrap(mean_of(values), groups, np.random.default_rng(5)) for _ in range(2)}
    assert len(intervals) == 1


@pytest.mark.slow
def test_the_bootstrap_covers_the_true_mean_nearly_as_often_as_it_says():
    """The percentile interval of 40 groups falls a little short of 95%; 300 runs have an error of 1.4 points."""
    generator = np.random.default_rng(11)
    covered = []
    for _ in range(300):
        groups = np.repeat(np.arange(40), 4)
        values = np.repeat(generator.normal(size=40), 4) + generator.normal(size=160)
        interval = cluster_bootstrap(mean_of(values), groups, generator, n_resamples=300)
        covered.append(not interval.excludes(0.0))
    assert np.mean(covered) == pytest.approx(0.94, abs=0.04)


def test_there_is_no_bootstrap_of_a_single_group_or_of_an_undefined_statistic():
    generator = np.random.default_rng(0)
    assert cluster_bootstrap(lambda rows: 1.0, np.array(["a", "a"]), generator) is None
    assert cluster_bootstrap(lambda rows: None, np.array(["a", "b"]), generator) is None
    assert cluster_bootstrap(lambda rows: 1.0, np.array([], dtype=int), generator) is None


def test_resamples_without_a_value_are_left_out_until_they_are_the_majority():
    groups = np.arange(3)

    def needs(n_distinct):
        return lambda rows: 1.0 if len(set(rows.tolist())) >= n_distinct else None

    # three draws of three are all different in 6 of 27 cases, at least two different in 24 of 27
    assert cluster_bootstrap(needs(2), groups, np.random.default_rng(0)) == Interval(1.0, 1.0, 1.0)
    assert cluster_bootstrap(needs(3), groups, np.random.default_rng(0)) is None


def test_the_mean_of_pairs_covers_its_truth_as_often_as_it_says():
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(400):  # +1 in 20%, -1 in 10%: the mean is 0.1
        differences = generator.choice([1.0, -1.0, 0.0], size=60, p=[0.2, 0.1, 0.7])
        covered += not mean_of_pairs(differences).excludes(0.1)
    assert 0.92 <= covered / 400 <= 0.99


def test_equal_differences_still_leave_room():
    found = mean_of_pairs(np.zeros(20))
    assert found.lower < 0 < found.upper < 0.15
    assert mean_of_pairs(np.zeros(0)) is None
