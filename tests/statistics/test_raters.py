"""Agreement of many annotators, against worked examples and against what must hold."""

import numpy as np
import pytest

from kto_data.statistics.agreement import as_votes, cohen_kappa, confusion
from kto_data.statistics.raters import fleiss_kappa, gwet_ac1, krippendorff_alpha, pair_agreement

ALL = [pair_agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1]


def counts(*answers):
    return np.array([one.count("d") for one in answers]), np.array([one.count("u") for one in answers])


def test_krippendorffs_own_example_for_two_observers_and_two_values():
    # K. Krippendorff (2011), section A: 10 units, o_01 = 4 mismatches of 10 pairs, alpha = .095
    meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    up = np.array(meg) + np.array(owen)
    assert krippendorff_alpha(up, 2 - up) == pytest.approx(0.095, abs=5e-4)


def test_everybody_alike_on_both_labels_is_one():
    up, down = counts("dd", "uuu", "dd", "uu")
    assert [measure(up, down) for measure in ALL] == [1.0, 1.0, 1.0, 1.0]


def test_one_label_throughout_has_no_kappa_and_a_perfect_ac1():
    up, down = counts("dd", "dd")
    assert (fleiss_kappa(up, down), krippendorff_alpha(up, down)) == (None, None)
    assert gwet_ac1(up, down) == 1.0


def test_items_with_one_answer_say_nothing_about_agreement():
    few = counts("dd", "du", "uu")
    more = counts("dd", "du", "uu", "d", "u")
    for measure in (pair_agreement, fleiss_kappa, krippendorff_alpha):
        assert measure(*few) == measure(*more)
    assert all(measure(*counts("d", "u", "")) is None for measure in ALL)


def test_independent_coins_agree_as_chance_does():
    generator = np.random.default_rng(5)
    up = generator.binomial(3, 0.7, size=40_000)
    for measure in (fleiss_kappa, krippendorff_alpha):
        assert measure(up, 3 - up) == pytest.approx(0.0, abs=0.01)


def test_two_annotators_with_equal_rates_have_cohens_kappa():
    first, second = [True, True, False, False, True], [True, False, True, False, True]
    up = np.array(first, dtype=int) + np.array(second, dtype=int)
    cohen = cohen_kappa(confusion(as_votes(first), as_votes(second)))
    assert fleiss_kappa(up, 2 - up) == pytest.approx(cohen)


def test_ac1_stays_high_where_kappa_breaks_down():
    # the kappa paradox: 95 of 100 agree on desirable, 5 are split
    up, down = np.array([2] * 95 + [1] * 5), np.array([0] * 95 + [1] * 5)
    assert fleiss_kappa(up, down) < 0
    assert gwet_ac1(up, down) > 0.94
