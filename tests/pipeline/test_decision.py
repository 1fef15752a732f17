"""What a decision tells besides the labels."""

import numpy as np
import pytest

from kto_data.aggregators.calibrated import Calibrated
from kto_data.aggregators.dawid_skene import DawidSkene
from kto_data.aggregators.method import Gold
from kto_data.aggregators.policy import Policy, decide
from kto_data.pipeline.decision import flips_without, without
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


def judged(n_samples, n_judges, n_gold):
    """Draw votes of judges who are right 55 to 85% of the time, the last of whom copies the first, and gold."""
    rng = np.random.default_rng(0)
    y_N = rng.random(n_samples) < 0.5
    right_NM = rng.random((n_samples, n_judges)) < rng.uniform(0.55, 0.85, n_judges)
    right_NM[:, -1] = right_NM[:, 0]
    sample_V, labeler_V = np.divmod(np.arange(n_samples * n_judges), n_judges)
    up_V = (right_NM == y_N[:, None]).ravel()
    labelers = [Labeler(f"judge{m}", "1", "judge") for m in range(n_judges)]
    votes = VoteTable(
        [f"s{n:05}" for n in range(n_samples)],
        labelers,
        sample_V,
        labeler_V.astype(np.int32),
        up_V.astype(np.int8),
        (~up_V).astype(np.int8),
    )
    return votes, Gold(np.arange(n_gold), y_N[:n_gold])


def flips_anew(votes, method, gold, m):
    def label(table):
        return decide(table, method, Policy(), gold).labels["label"].to_pylist()

    return sum(a != b for a, b in zip(label(votes), label(without(votes, m)), strict=True))


def test_a_labeler_is_missed_as_much_as_a_decision_without_it_says():
    votes, gold = judged(400, 6, 80)
    n_flipped, n_examined = flips_without(votes, DawidSkene(), Policy(), gold)
    assert n_examined == 400
    assert n_flipped == [flips_anew(votes, DawidSkene(), gold, m) for m in range(6)]


def test_calibrated_keeps_its_choices_and_comes_to_nearly_the_same():
    votes, gold = judged(400, 6, 80)
    n_flipped, _ = flips_without(votes, Calibrated(), Policy(), gold)
    anew = [flips_anew(votes, Calibrated(), gold, m) for m in range(6)]
    assert n_flipped == pytest.approx(anew, rel=0.25, abs=8)  # or 2% of the samples
    assert max(n_flipped) > 8
