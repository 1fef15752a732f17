"""Calibrated learns from gold what votes and silences are worth."""

from dataclasses import replace

import numpy as np
import pytest

from kto_data.aggregators.calibrated import Calibrated
from kto_data.aggregators.majority import Majority
from kto_data.aggregators.method import Gold
from kto_data.aggregators.weighted import Weighted
from kto_data.statistics.share import corrected_share


def drawn(rng, y_N, n, **kwargs):
    sample_G = np.sort(rng.choice(len(y_N), n, replace=False))
    return Gold(sample_G, y_N[sample_G], **kwargs)


def undesirable_only(made, seed, n=5000, share=0.75):
    rng = np.random.default_rng(seed)
    y_N = made.labels(rng, n, share)
    rates = [(0.3, 0.01), (0.15, 0.01), (0.1, 0.1), (0.2, 0.03)]
    return rng, y_N, made.table_of(np.stack([made.one_sided(rng, y_N, -1, *rate) for rate in rates], axis=1))


def test_silence_of_one_sided_rules_becomes_evidence(made):
    rng, y_N, votes = undesirable_only(made, 0)
    found = Calibrated().aggregate(votes, drawn(rng, y_N, 400))
    p_N = found.p_desirable_N
    assert found.method == "calibrated"
    assert not np.isnan(p_N).any()
    # P(desirable | all silent) from the rates the votes were drawn with
    silent_bad, silent_good = 0.7 * 0.85 * 0.9 * 0.8, 0.99 * 0.99 * 0.9 * 0.97
    truth = 0.75 * silent_good / (0.75 * silent_good + 0.25 * silent_bad)
    silent_N = np.isnan(Majority().posterior(votes))
    assert p_N[silent_N][0] == pytest.approx(truth, abs=0.06)
    assert made.log_loss(p_N, y_N) < made.log_loss(np.full(len(y_N), 0.75), y_N)


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_a_bad_rule_are_seen_through(made, seed):
    rng = np.random.default_rng(seed)
    y_N = made.labels(rng, 3000)
    judge_N, bad_N = made.two_sided(rng, y_N, 1.0, 0.85, 0.8), made.one_sided(rng, y_N, -1, 0.2, 0.3)
    votes = made.table_of(np.stack([judge_N, bad_N, bad_N, bad_N, bad_N], axis=1))
    p_N = Calibrated().posterior(votes, drawn(rng, y_N, 150))
    assert made.accuracy(p_N, y_N) > max(made.accuracy(Majority().posterior(votes), y_N), 0.79)


def test_held_out_probabilities_have_not_seen_their_label(made):
    # votes that mean nothing: who has seen the label looks better than chance, who has not cannot
    rng = np.random.default_rng(5)
    y_N = made.labels(rng, 400, 0.5)
    votes = made.table_of(rng.integers(-1, 2, size=(400, 30)))
    gold = drawn(rng, y_N, 100)
    held_out_G = Calibrated().aggregate(votes, gold).p_held_out_G
    assert abs(made.accuracy(held_out_G, gold.label_G) - 0.5) < 0.15


def test_samples_of_one_prompt_are_held_out_together(made):
    # each prompt's two samples have opposite labels and a labeler of their own: nothing carries over to other prompts
    n = 40
    y_N = np.tile([True, False], n // 2)
    votes_NM = np.zeros((n, n // 2), dtype=int)
    votes_NM[np.arange(n), np.arange(n) // 2] = np.where(y_N, 1, -1) * np.where(np.arange(n) // 2 % 2, 1, -1)
    gold = {"sample_G": np.arange(n), "label_G": y_N}
    options = Calibrated(default_precision=0.501)
    apart = options.aggregate(made.table_of(votes_NM), Gold(**gold)).facts["held_out_log_loss"]
    together = options.aggregate(made.table_of(votes_NM), Gold(**gold, prompt_N=np.arange(n) // 2)).facts[
        "held_out_log_loss"
    ]
    assert together > 0.68 > apart  # log 2 = .69: no better than guessing


@pytest.mark.parametrize(
    ("gold", "says"),
    [
        (None, "10 gold labels and has 0"),
        (Gold(np.arange(9), np.arange(9) % 2 == 0), "10 gold labels and has 9"),
        (Gold(np.arange(12), np.ones(12, dtype=bool)), "all 12 are desirable"),
    ],
)
def test_with_too_little_gold_it_says_so_and_falls_back(made, gold, says):
    rng = np.random.default_rng(0)
    votes = made.table_of(rng.integers(-1, 2, size=(50, 3)))
    found = Calibrated().aggregate(votes, gold)
    (warning,) = found.warnings
    assert says in warning
    assert found.method == "weighted"
    assert found.p_held_out_G is None
    np.testing.assert_array_equal(found.p_desirable_N, Weighted().posterior(votes))


@pytest.mark.slow
def test_with_little_gold_the_labelers_priors_speak(made):
    rng = np.random.default_rng(0)
    y_N = made.labels(rng, 1000, 0.5)
    votes_NM = np.stack([made.two_sided(rng, y_N, 1.0, a, a) for a in (0.9, 0.5, 0.5, 0.5)], axis=1)
    stated = {f"m{m}": {"prior_mean": q, "prior_strength": 100.0} for m, q in enumerate((0.9, 0.5, 0.5, 0.5))}
    with_priors, without = [], []
    for seed in range(5):
        gold = drawn(np.random.default_rng(seed), y_N, 12)
        with_priors.append(
            made.accuracy(Calibrated().posterior(made.table_of(votes_NM, **stated), gold), y_N)
        )
        without.append(made.accuracy(Calibrated().posterior(made.table_of(votes_NM), gold), y_N))
    assert np.mean(with_priors) > np.mean(without)


def test_gold_of_unequal_probability_is_weighted(made):
    # gold over-represents samples that the rule flags; unweighted, the intercept would be too low
    rng, y_N, votes = undesirable_only(made, 3)
    flagged_N = ~np.isnan(Majority().posterior(votes))
    p_selected_N = np.where(flagged_N, 0.2, 0.05)
    sample_G = np.flatnonzero(rng.random(len(y_N)) < p_selected_N)
    gold = Gold(sample_G, y_N[sample_G], p_selected_N[sample_G])
    found = Calibrated().aggregate(votes, gold)
    assert y_N[sample_G].mean() < 0.7  # biased as drawn
    share = corrected_share(
        found.p_desirable_N,
        gold_G=gold.label_G,
        p_held_out_G=found.p_held_out_G,
        weight_G=gold.importance(),
    )
    assert share.interval.estimate == pytest.approx(y_N.mean(), abs=0.04)


def test_weight_zero_silences_a_labeler(made):
    rng, y_N, votes = undesirable_only(made, 4)
    gold = drawn(rng, y_N, 200)
    *others, last = votes.labelers
    silenced = replace(votes, labelers=[*others, replace(last, weight=0.0)])
    found = Calibrated().aggregate(silenced, gold)
    assert found.worth_M[3] == found.worth_against_M[3] == 0.0


@pytest.fixture(params=range(3))
def judged(request, made):
    """Judges of whom some copy others, and gold."""
    rng = np.random.default_rng(request.param)
    y_N = made.labels(rng, 300)
    own = [made.two_sided(rng, y_N, 0.8, *rng.uniform(0.5, 0.9, 2)) for _ in range(8)]
    votes = made.table_of(np.stack([*own, *own[:2]], axis=1))
    return votes, drawn(rng, y_N, 60)


def test_fitted_anew_on_the_same_votes_it_answers_the_same(judged):
    votes, gold = judged
    before = Calibrated().aggregate(votes, gold)
    again = Calibrated().refit(votes, gold, before)
    np.testing.assert_allclose(again.p_desirable_N, before.p_desirable_N, atol=1e-5)


def test_where_it_begins_to_fit_anew_changes_nothing(judged):
    votes, gold = judged
    without = votes.of([True] * 9 + [False])
    before = Calibrated().aggregate(votes, gold)
    cold = replace(before, fitted=replace(before.fitted, w_CD=np.zeros_like(before.fitted.w_CD)))
    warm_N, cold_N = (Calibrated().refit(without, gold, start).p_desirable_N for start in (before, cold))
    np.testing.assert_allclose(warm_N, cold_N, atol=1e-5)


def test_what_was_chosen_with_a_labeler_serves_nearly_as_well_without(judged):
    votes, gold = judged
    before = Calibrated().aggregate(votes, gold)
    for m in range(10):
        without = votes.of(np.arange(10) != m)
        kept_N = Calibrated().refit(without, gold, before).p_desirable_N
        assert np.abs(kept_N - Calibrated().posterior(without, gold)).mean() < 0.05


@pytest.mark.slow
def test_the_corrected_share_is_unbiased_and_its_interval_covers(made):
    errors, covered = [], []
    for seed in range(60):
        rng, y_N, votes = undesirable_only(made, seed, n=4000)
        gold = drawn(rng, y_N, 200)
        found = Calibrated().aggregate(votes, gold)
        share = corrected_share(found.p_desirable_N, gold_G=gold.label_G, p_held_out_G=found.p_held_out_G)
        errors.append(share.interval.estimate - y_N.mean())
        covered.append(not share.interval.excludes(y_N.mean()))
    assert abs(np.mean(errors)) < 0.01
    assert np.sqrt(np.mean(np.square(errors))) < 0.03
    assert np.mean(covered) >= 0.88  # 95% less three standard errors of 60 draws
