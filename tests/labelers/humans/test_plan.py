"""The planner: more labels are narrower, Neyman beats chance where strata differ, known figures come out."""

from math import sqrt

import numpy as np
import pytest

from kto_data.labelers.humans.plan import plan
from kto_data.labelers.humans.sampling.strategy import Candidates
from kto_data.statistics.intervals import wilson
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


def two_strata(n=10_000):
    stratum = np.array([0] * (n // 2) + [1] * (n // 2))
    p = np.where(stratum == 0, 0.5, 0.98)
    return Candidates([f"s{i:05d}" for i in range(n)], p, np.zeros(n), stratum, ["open", "sure"])


def rule_on(candidates, first_n, *, up=True):
    at = np.arange(first_n)
    votes = np.ones(first_n, dtype=np.int8)
    nothing = np.zeros(first_n, dtype=np.int8)
    return VoteTable(
        candidates.sample_ids,
        [Labeler("rule", "1", "rule")],
        at,
        np.zeros(first_n, dtype=np.int32),
        votes if up else nothing,
        nothing if up else votes,
    )


def test_the_random_interval_is_the_textbooks():
    found = plan(two_strata(), None, {}, cost=1.0, steps=[100])
    [step] = found["steps"]
    share = 0.74
    expected = 1.96 * sqrt(share * (1 - share) / 100 * (1 - 100 / 10_000))
    assert step["at_random_half_width"] == pytest.approx(expected, rel=1e-3)


def test_neyman_narrows_more_than_chance_and_more_labels_narrow_more():
    steps = plan(two_strata(), None, {}, cost=0.5, overlap=2, steps=[50, 100, 200, 400])["steps"]
    widths = [step["desirable_share_half_width"] for step in steps]
    assert widths == sorted(widths, reverse=True)
    assert all(step["desirable_share_half_width"] < step["at_random_half_width"] for step in steps)
    assert [step["cost"] for step in steps] == [50.0, 100.0, 200.0, 400.0]


def test_the_open_stratum_gets_most_and_the_allocation_adds_up():
    allocation = plan(two_strata(), None, {}, cost=1.0, steps=[100])["allocation"]
    by_name = {one["stratum"]: one["n_items"]["100"] for one in allocation}
    assert sum(by_name.values()) == pytest.approx(100)
    # a tenth of 100 fairly, and of 80 in proportion to standard deviations of .5 and, at least, .218
    assert by_name["open"] == pytest.approx(10 + 80 * 0.5 / 0.718, abs=1)
    assert by_name["sure"] >= 10  # half of the fifth that is chosen fairly, at least


def test_what_people_decided_counts_for_the_rules_precision():
    some = two_strata(1000)
    labelled = {
        f"s{i:05d}": i < 30 for i in range(40)
    }  # the rule says desirable of all 40, and is right on 30
    found = plan(some, rule_on(some, 500), labelled, cost=1.0, steps=[100])
    now = found["now"]["labelers"]["rule"]
    interval = wilson(30, 40)
    assert now["precision"] == 0.75
    assert now["half_width"] == pytest.approx((interval.upper - interval.lower) / 2)
    [step] = found["steps"]
    assert step["labelers"]["rule"]["half_width"] < now["half_width"]
    assert found["n_labelled"] == 40


def test_no_more_is_planned_than_is_left():
    some = two_strata(100)
    found = plan(some, None, dict.fromkeys(some.sample_ids[:90], True), cost=1.0, steps=[50, 100])
    assert [step["n_items"] for step in found["steps"]] == [10]
    assert plan(some, None, dict.fromkeys(some.sample_ids, True), cost=1.0)["steps"] == []
