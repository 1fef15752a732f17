"""The headline: what it says for which figures."""

import pytest

from kto_data.report.verdict import verdict


def figure(estimate, lower, upper):
    return {"estimate": estimate, "lower": lower, "upper": upper}


def generated(before, after, **more):
    return {
        "evaluation": {"generated": {"held_out_labelers": {"reference": before, "trained": after, **more}}}
    }


LOW, MIDDLE, HIGH = figure(0.5, 0.45, 0.55), figure(0.53, 0.48, 0.58), figure(0.7, 0.65, 0.75)


@pytest.mark.parametrize(
    ("before", "after", "outcome", "sentence"),
    [
        (LOW, HIGH, "better", "The trained model's outputs are clearly better."),
        (LOW, MIDDLE, "unclear", "The trained model's outputs are not clearly better."),
        (HIGH, LOW, "worse", "The trained model's outputs are clearly worse."),
    ],
)
def test_the_interval_of_the_difference_decides(before, after, outcome, sentence):
    found = verdict(generated(before, after))
    assert (found.outcome, found.sentence) == (outcome, sentence)


def test_the_sentence_gives_shares_difference_and_interval():
    # both half widths are 0.05: the difference's is sqrt(2) * 0.05 = 0.0707
    assert (
        verdict(generated(LOW, HIGH))
        .evidence[0]
        .endswith(
            "70.0% of its outputs are desirable, against 50.0% before training: +20.0 points, "
            "95% interval +12.9 to +27.1."
        )
    )


def test_a_difference_that_includes_zero_is_said_to():
    assert "includes no difference at all" in verdict(generated(LOW, MIDDLE)).evidence[0]


def test_a_given_paired_difference_is_used_instead():
    found = verdict(generated(LOW, MIDDLE, difference=figure(0.03, 0.01, 0.05)))
    assert found.outcome == "better"
    assert "+1.0 to +5.0" in found.evidence[0]


def test_held_out_labelers_count_more_than_training_labelers():
    facts = generated(LOW, MIDDLE)
    facts["evaluation"]["generated"]["training_labelers"] = {"reference": LOW, "trained": HIGH}
    found = verdict(facts)
    assert found.outcome == "unclear"
    assert len(found.evidence) == 2


def test_training_labelers_alone_come_with_a_warning():
    facts = {"evaluation": {"generated": {"training_labelers": {"reference": LOW, "trained": HIGH}}}}
    found = verdict(facts)
    assert found.outcome == "better"
    assert "No labeler was held out" in found.evidence[-1]


@pytest.mark.parametrize(
    ("evaluation", "outcome", "words"),
    [
        ({"trained": {"auc": HIGH}, "control": {"auc": LOW}}, "better", "than a control"),
        (
            {"trained": {"auc": MIDDLE}, "control": {"auc": LOW}},
            "unclear",
            "not clearly better than a control",
        ),
        ({"trained": {"auc": HIGH}}, "better", "clearly better than chance"),
        ({"trained": {"auc": LOW}}, "unclear", "not clearly better than chance"),
        ({"trained": {"auc": None, "pair_accuracy": HIGH}}, "better", "one and the same prompt"),
    ],
)
def test_without_generated_outputs_the_ranking_decides(evaluation, outcome, words):
    found = verdict({"evaluation": evaluation})
    assert found.outcome == outcome
    assert words in found.evidence[0]


@pytest.mark.parametrize(("after", "said"), [(15.0, True), (12.0, False), (7.0, True)])
def test_a_large_change_of_length_is_pointed_out(after, said):
    facts = generated(LOW, HIGH)
    facts["evaluation"]["generated"]["mean_words"] = {"reference": 10.0, "trained": after}
    assert any("Mean length went from 10.0" in sentence for sentence in verdict(facts).evidence) == said


def test_training_without_evaluation_is_said_and_nothing_at_all_is_silent():
    assert verdict({"training": {"model": "tiny"}}).outcome == "unknown"
    assert verdict({"evaluation": {"trained": {"auc": {"estimate": 0.7}}}}) is None
    assert verdict({}) is None
