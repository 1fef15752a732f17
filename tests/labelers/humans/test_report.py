"""The report's figures, from answers whose statistics are known."""

import numpy as np
import pytest

from kto_data.labelers.humans.answers import Answer
from kto_data.labelers.humans.report import agreement_report


def answers(annotator, verdicts, *, lead_time=10.0, truth=None, at=0):
    return [
        Answer(
            f"s{i:04d}",
            annotator,
            "desirable" if verdict else "undesirable",
            lead_time,
            at + i,
            truth and truth[i],
        )
        for i, verdict in enumerate(verdicts)
    ]


def test_two_annotators_who_agree_beyond_chance():
    # 20 both desirable, 5 and 10 one-sided, 15 both undesirable: kappa .4 (worked in Cohen's table)
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    found = agreement_report(answers("a", first) + answers("b", second))
    assert found["agreement"]["cohen_kappa"]["estimate"] == pytest.approx(0.4)
    assert found["agreement"]["percent"]["estimate"] == pytest.approx(0.7)
    for figure in found["agreement"].values():
        assert figure["lower"] < figure["estimate"] < figure["upper"]
    [pair] = found["pairs"]
    assert (pair["n"], pair["n_only_first_desirable"], pair["n_only_second_desirable"]) == (50, 5, 10)
    assert found["n_disputed"] == 15


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    hits = 0
    for seed in range(60):
        truth = generator.random(80) < 0.5
        first, second = (np.where(generator.random(80) < 0.85, truth, ~truth) for _ in range(2))
        figure = agreement_report(answers("a", first) + answers("b", second), seed=seed, n_resamples=200)
        interval = figure["agreement"]["cohen_kappa"]
        hits += (
            interval["lower"] <= 0.49 <= interval["upper"]
        )  # two who are right .85: 2 * (.85^2 + .15^2) - 1
    assert hits >= 50


def test_each_annotators_record():
    truth = [True] * 10 + [False] * 10
    good = answers("good", truth, truth=truth)
    bad = answers("bad", [True] * 20, truth=truth, lead_time=0.8)
    found = {one["annotator"]: one for one in agreement_report(good + bad)["annotators"]}
    assert found["good"]["accuracy_on_gold"]["estimate"] == 1.0
    assert 0.8 < found["good"]["accuracy_on_gold"]["lower"] < 1.0
    assert found["bad"]["accuracy_on_gold"]["estimate"] == 0.5
    assert found["bad"]["desirable_share"]["estimate"] == 1.0
    assert (found["good"]["hasty"], found["bad"]["hasty"]) == (False, True)


def test_somebody_who_turns_lenient_is_noticed():
    found = agreement_report(answers("a", [False] * 30 + [True] * 30))["annotators"][0]
    assert found["drift"]["drifts"] is True
    assert found["drift"]["desirable_share_change"]["estimate"] == 1.0
    steady = agreement_report(answers("a", [True, False] * 30))["annotators"][0]
    assert steady["drift"]["drifts"] is False


def test_the_pair_that_disagrees_most_comes_first():
    base = [True, False] * 20
    found = agreement_report(
        answers("a", base) + answers("b", base) + answers("c", [not one for one in base])
    )
    assert set(found["pairs"][-1]["annotators"]) == {"a", "b"}
    assert found["pairs"][0]["agreement"]["estimate"] == 0.0


def test_nobody_and_somebody_alone_have_no_agreement():
    assert agreement_report([])["agreement"]["percent"] is None
    alone = agreement_report(answers("a", [True, False]))
    assert alone["pairs"] == []
    assert alone["agreement"]["krippendorff_alpha"] is None
