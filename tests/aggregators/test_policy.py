"""Who decides: agreeing annotators, then a veto, then the aggregate, else nobody."""

import pytest

from kto_data.aggregators.majority import Majority
from kto_data.aggregators.policy import Policy, decide

ANNOTATORS = {"ann": {"kind": "annotator"}, "bob": {"kind": "annotator"}}
VETOES = {"v": {"mode": "veto"}, "w": {"mode": "veto"}}


@pytest.mark.parametrize(
    ("sample", "label", "decided_by"),
    [
        ({"a": "+"}, True, "aggregate"),
        ({"a": "+", "b": "-"}, None, "aggregate"),
        ({}, None, "no_evidence"),
        ({"a": "+", "b": "+", "v": "-"}, False, "veto"),
        ({"v": "-", "w": "+"}, None, "vetoes_contradict"),
        ({"ann": "+", "bob": "+", "v": "-", "a": "-"}, True, "annotators"),
        ({"ann": "+", "bob": "-", "v": "-", "a": "-"}, None, "annotators_disagree"),
        ({"ann": "+", "a": "-", "b": "-"}, False, "aggregate"),  # a lone annotator is one vote among others
        ({"silent": "-"}, None, "no_evidence"),  # a shadow vote never counts
    ],
)
def test_the_stronger_voice_decides(make_votes, sample, label, decided_by):
    votes = make_votes([sample], **ANNOTATORS, **VETOES, silent={"mode": "shadow"})
    (row,) = decide(votes, Majority(), Policy()).to_pylist()
    assert (row["label"], row["decided_by"]) == (label, decided_by)


@pytest.mark.parametrize(
    ("choice", "label"), [("undecided", None), ("desirable", True), ("undesirable", False)]
)
def test_samples_that_nobody_spoke_of_become_what_the_policy_says(make_votes, choice, label):
    (row,) = decide(make_votes([{}], a={}), Majority(), Policy(when_no_evidence=choice)).to_pylist()
    assert (row["label"], row["p_desirable"], row["decided_by"]) == (label, None, "no_evidence")


def test_between_the_thresholds_a_sample_stays_undecided(make_votes):
    votes = make_votes([{"a": "+++", "b": "-"}, {"a": "++++", "b": "-"}, {"a": "+", "b": "---"}])
    labels = decide(votes, Majority(), Policy(desirable_above=0.75, undesirable_below=0.3))
    assert labels["label"].to_pylist() == [None, True, False]


def test_votes_and_conflicts_are_counted(make_votes):
    labels = decide(make_votes([{"a": "+", "b": "-"}, {"a": "++"}, {}]), Majority(), Policy())
    assert labels["n_votes"].to_pylist() == [2, 2, 0]
    assert labels["conflict"].to_pylist() == [True, False, False]


def test_no_samples_give_no_labels(make_votes):
    assert decide(make_votes([]), Majority(), Policy()).num_rows == 0
