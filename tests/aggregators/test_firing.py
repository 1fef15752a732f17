"""Firing hears silences, discounts copies, and does not run away from the majority."""

import numpy as np
import pytest

from kto_data.aggregators.firing import Firing
from kto_data.aggregators.majority import Majority


def rules(made, seed, *, n=4000, share=0.5):
    rng = np.random.default_rng(seed)
    y_N = made.labels(rng, n, share)
    good = [made.one_sided(rng, y_N, says, 0.3, 0.02) for says in (1, 1, -1, -1)]
    poor = [made.one_sided(rng, y_N, says, 0.2, 0.15) for says in (1, -1, -1)]
    return y_N, np.stack([*good, *poor], axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_good_rules_are_told_from_poor_ones_by_the_company_they_keep(made, seed):
    y_N, votes_NM = rules(made, seed)
    votes = made.table_of(votes_NM)
    found = Firing().aggregate(votes)
    # of rules that say undesirable, 2 and 3 are good, 5 and 6 poor; log-odds against are negative
    assert max(found.worth_against_M[[2, 3]]) < min(found.worth_against_M[[5, 6]])
    majority_N = Majority().posterior(votes)
    clear_N = (majority_N != 0.5) & ~np.isnan(majority_N)
    p_N = found.p_desirable_N
    assert made.accuracy(p_N[clear_N], y_N[clear_N]) >= made.accuracy(majority_N[clear_N], y_N[clear_N])
    tied_N = majority_N == 0.5
    assert made.accuracy(p_N[tied_N], y_N[tied_N]) > 0.57  # where the majority has no answer


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_rules_that_only_say_undesirable_keep_the_majority_s_answer(made, share):
    rng = np.random.default_rng(4)
    y_N = made.labels(rng, 3000, share)
    votes = made.table_of(np.stack([made.one_sided(rng, y_N, -1, 0.2, 0.05) for _ in range(5)], axis=1))
    assert (
        made.accuracy(Firing().posterior(votes), y_N)
        >= made.accuracy(Majority().posterior(votes), y_N) - 0.01
    )


def test_copies_of_a_rule_count_about_once(made):
    _, votes_NM = rules(made, 7)
    once = Firing().aggregate(made.table_of(votes_NM))
    copied = Firing().aggregate(made.table_of(np.column_stack([votes_NM, *[votes_NM[:, 4]] * 4])))
    assert copied.worth_M[[4, 7, 8, 9, 10]].sum() == pytest.approx(once.worth_M[4], rel=0.35)


def test_a_clear_majority_stands_and_is_counted(made):
    contrary = {"prior_mean": 0.1, "prior_strength": 1e5}
    votes_NM = np.eye(8, 4, dtype=int)
    votes_NM[7] = 1
    found = Firing().aggregate(made.table_of(votes_NM, **{f"m{m}": contrary for m in range(4)}))
    assert found.p_desirable_N[7] == pytest.approx(0.55)
    assert found.facts["n_kept_by_majority"] == 1


def test_reading_a_vote_as_its_opposite_is_warned_of(made):
    contrary = {"prior_mean": 0.1, "prior_strength": 1e5}
    votes_NM = np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]])
    warnings = Firing().aggregate(made.table_of(votes_NM, m1=contrary)).warnings
    assert any("m1" in warning and "opposite" in warning for warning in warnings)


def test_several_votes_of_one_labeler_count_for_their_balance(make_votes):
    p_N = Firing().posterior(make_votes([{"t": "+++-"}, {"t": "+"}, {"t": "-"}]))
    assert p_N[0] == pytest.approx(p_N[1])


def test_long_texts_that_set_off_several_rules_lower_what_votes_are_worth(made):
    rng = np.random.default_rng(9)
    y_N, votes_NM = rules(made, 9)
    busy_N = rng.random(len(y_N)) < 0.25
    together_NM = np.where(
        (rng.random(votes_NM.shape) < 0.5) & busy_N[:, None], [1, 1, -1, -1, 1, -1, -1], votes_NM
    )
    apart, together = (Firing().aggregate(made.table_of(votes)) for votes in (votes_NM, together_NM))
    assert apart.facts["over_dispersion"] < 1.2 < together.facts["over_dispersion"]


@pytest.mark.parametrize("share", [0.15, 0.85])
def test_many_rules_tell_a_share_that_is_far_from_one_half(made, share):
    rng = np.random.default_rng(3)
    y_N = made.labels(rng, 3000, share)
    of = {1: share, -1: 1 - share}
    # each speaks on a tenth of the samples and is right four times in five
    columns = [
        made.one_sided(rng, y_N, says, 0.08 / of[says], 0.02 / of[-says])
        for says in (1, 1, -1)
        for _ in range(10)
    ]
    votes = made.table_of(np.stack(columns, axis=1))
    majority, firing = (made.accuracy(method().posterior(votes), y_N) for method in (Majority, Firing))
    assert firing > majority + 0.02


def test_a_tie_that_the_model_hardly_breaks_stays_a_tie(made):
    alike = {"prior_mean": 0.8, "prior_strength": 1e5}
    votes_NM = np.array([[1, -1]] + [[1, 0], [0, -1]] * 20)
    p_N = Firing().posterior(made.table_of(votes_NM, m0=alike, m1=alike))
    assert p_N[0] == 0.5
    assert p_N[1] > 0.6
    assert p_N[2] < 0.4
