"""Report cards of labelers, with figures counted by hand."""

import numpy as np
import pytest

from kto_data.statistics.intervals import wilson
from kto_data.votes.labelers import Labeler
from kto_data.votes.report_card import Predictions, report_cards
from kto_data.votes.table import VoteTable, load_votes

GOOD, BAD = True, False


def cards(files, names, gold, **kwargs):
    labelers = [Labeler(name, "1", "judge") for name in names]
    votes = load_votes(labelers, samples=None, rule_blocks=[], vote_blocks=files)
    at = [list(votes.sample_ids).index(sample) for sample in gold]
    return {
        card.labeler: card
        for card in report_cards(
            votes,
            sample_G=np.array(at, dtype=np.int64),
            label_G=np.array(list(gold.values()), dtype=bool),
            vote_blocks=files,
            **kwargs,
        )
    }


def test_precision_and_recall_are_counted_on_gold_alone(write_long):
    votes = [(s, "j", v) for s, v in zip("abcdefg", [1, 1, 1, -1, -1, 0, 1], strict=True)]
    gold = {"a": GOOD, "b": GOOD, "c": BAD, "d": BAD, "e": GOOD, "f": GOOD}  # of g nothing is known
    card = cards([write_long("l", *votes)], ["j"], gold)["j"]
    assert (card.n_gold, card.accuracy) == (5, wilson(3, 5))
    assert (card.desirable.precision, card.desirable.recall) == (wilson(2, 3), wilson(2, 4))
    assert (card.undesirable.precision, card.undesirable.recall) == (wilson(1, 2), wilson(1, 2))
    assert not card.constant


def test_gold_counts_by_its_weight(write_long):
    votes = [("a", "j", 1), ("b", "j", 1), ("c", "j", 1)]
    card = cards(
        [write_long("l", *votes)], ["j"], {"a": GOOD, "b": BAD, "c": BAD}, weight_G=np.array([2.0, 1.0, 1.0])
    )["j"]
    # (2 + 1 + 1)^2 / (4 + 1 + 1) = 2.67 cases, half of their weight right
    assert card.accuracy == wilson(0.5 * 16 / 6, 16 / 6)


def test_a_labeler_without_votes_on_gold_has_no_figures_and_needs_most_labels(write_long):
    card = cards([write_long("l", ("a", "j", 1), ("b", "k", -1))], ["j", "k"], {"a": GOOD})["k"]
    assert (card.n_gold, card.accuracy, card.desirable.precision) == (0, None, None)
    assert card.n_more == 381  # Wilson's interval of one half is +-5% at 381 cases


def test_a_labeler_that_always_says_the_same_is_noted(write_long):
    found = cards([write_long("l", *((s, "j", -1) for s in "abc"))], ["j"], {"a": BAD})["j"]
    assert found.constant
    assert found.echoes == ()


def test_scores_are_compared_with_what_happened(write_long):
    votes = [
        ("a", "j", 1, {"score": 0.9}),
        ("b", "j", -1, {"score": 0.3}),
        ("c", "j", 1, {"score": float("nan")}),
    ]
    card = cards([write_long("l", *votes)], ["j"], {"a": GOOD, "b": GOOD, "c": GOOD})["j"]
    assert card.calibration.n == 2
    assert card.calibration.brier == pytest.approx((0.1**2 + 0.7**2) / 2)


def test_scores_that_are_no_probabilities_are_not_taken_for_any(write_long):
    card = cards([write_long("l", ("a", "j", 1, {"score": 7.0}))], ["j"], {"a": GOOD})["j"]
    assert card.calibration is None


def with_predictions(p_right, *, n=4000, n_gold=120, precision=0.8, seed=0):
    """Return the card of a labeler that always votes, and its true precision; predictions are right so often."""
    rng = np.random.default_rng(seed)
    y_N = rng.random(n) < precision
    p_N = np.where(rng.random(n) < p_right, np.where(y_N, 0.9, 0.1), np.where(y_N, 0.1, 0.9))
    votes = VoteTable(
        [f"{n:05}" for n in range(n)],
        [Labeler("j", "1", "judge")],
        np.arange(n),
        np.zeros(n, dtype=np.int32),
        np.ones(n, dtype=np.int8),
        np.zeros(n, dtype=np.int8),
    )
    gold = np.sort(rng.choice(n, n_gold, replace=False))
    [card] = report_cards(
        votes, sample_G=gold, label_G=y_N[gold], predictions=Predictions(p_N, p_N[gold]), vote_blocks=[]
    )
    return card.desirable, y_N.mean(), wilson(int(y_N[gold].sum()), n_gold)


def test_good_predictions_make_a_precision_surer_and_still_cover_it():
    covered = []
    for seed in range(40):
        side, truth, plain = with_predictions(0.95, seed=seed)
        assert side.precision_by == "gold and predictions"
        assert side.precision.upper - side.precision.lower < plain.upper - plain.lower
        covered.append(side.precision.lower <= truth <= side.precision.upper)
    assert sum(covered) >= 35  # of 40 with 95% each, 35 or fewer come once in 30 tries


def test_useless_predictions_change_little():
    side, _, plain = with_predictions(0.5)
    assert side.precision.upper - side.precision.lower == pytest.approx(plain.upper - plain.lower, rel=0.05)


def test_where_nearly_all_is_right_gold_alone_speaks():
    side, _, plain = with_predictions(0.95, precision=0.99, n_gold=50)
    assert (side.precision_by, side.precision) == ("gold", plain)
