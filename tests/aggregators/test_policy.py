"""Who decides: agreeing annotators, then a veto, then the aggregate, else nobody."""

import numpy as np
import pytest

from kto_data.aggregators.majority import Majority
from kto_data.aggregators.method import Aggregate, Gold, Method
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
    (row,) = decide(votes, Majority(), Policy()).labels.to_pylist()
    assert (row["label"], row["decided_by"]) == (label, decided_by)


@pytest.mark.parametrize(
    ("choice", "label"), [("undecided", None), ("desirable", True), ("undesirable", False)]
)
def test_samples_that_nobody_spoke_of_become_what_the_policy_says(make_votes, choice, label):
    (row,) = decide(make_votes([{}], a={}), Majority(), Policy(when_no_evidence=choice)).labels.to_pylist()
    assert (row["label"], row["p_desirable"], row["decided_by"]) == (label, None, "no_evidence")


def test_between_the_thresholds_a_sample_stays_undecided(make_votes):
    votes = make_votes([{"a": "+++", "b": "-"}, {"a": "++++", "b": "-"}, {"a": "+", "b": "---"}])
    labels = decide(votes, Majority(), Policy(desirable_above=0.75, undesirable_below=0.3)).labels
    assert labels["label"].to_pylist() == [None, True, False]


def test_votes_and_conflicts_are_counted(make_votes):
    labels = decide(make_votes([{"a": "+", "b": "-"}, {"a": "++"}, {}]), Majority(), Policy()).labels
    assert labels["n_votes"].to_pylist() == [2, 2, 0]
    assert labels["conflict"].to_pylist() == [True, False, False]


def test_no_samples_give_no_labels(make_votes):
    assert decide(make_votes([]), Majority(), Policy()).labels.num_rows == 0


def test_gold_decides_against_everybody(make_votes):
    votes = make_votes([{"ann": "+", "bob": "+", "v": "+"}, {"ann": "+", "bob": "-"}], **ANNOTATORS, **VETOES)
    gold = Gold(np.array([0, 1]), np.array([False, True]))
    labels = decide(votes, Majority(), Policy(), gold).labels
    assert labels["label"].to_pylist() == [False, True]
    assert labels["p_desirable"].to_pylist() == [0.0, 1.0]
    assert labels["decided_by"].to_pylist() == ["gold", "gold"]


def test_disputes_say_who_is_on_which_side(make_votes):
    samples = [{"v": "-", "w": "+"}, {"ann": "+", "bob": "-", "v": "-"}, {"ann": "+", "bob": "+"}]
    disputes = decide(make_votes(samples, **ANNOTATORS, **VETOES), Majority(), Policy()).disputes
    assert disputes.to_pylist() == [
        {"sample_id": "s0", "kind": "vetoes_contradict", "desirable": ["w"], "undesirable": ["v"]},
        {"sample_id": "s1", "kind": "annotators_disagree", "desirable": ["ann"], "undesirable": ["bob"]},
    ]


def test_gold_settles_a_dispute(make_votes):
    votes = make_votes([{"ann": "+", "bob": "-"}], **ANNOTATORS)
    gold = Gold(np.array([0]), np.array([True]))
    assert decide(votes, Majority(), Policy(), gold).disputes.num_rows == 0


def test_two_people_under_one_name_who_agree_are_two_annotators(make_votes):
    (row,) = decide(
        make_votes([{"team": "++", "a": "-"}], team={"kind": "annotator"}), Majority(), Policy()
    ).labels.to_pylist()
    assert (row["label"], row["decided_by"]) == (True, "annotators")


def test_a_vetoing_thumb_says_what_most_of_its_users_say(make_votes):
    votes = make_votes([{"thumbs": "++-", "a": "-"}], thumbs={"mode": "veto", "about": "event"})
    (row,) = decide(votes, Majority(), Policy()).labels.to_pylist()
    assert (row["label"], row["decided_by"]) == (True, "veto")


def test_a_labeler_that_always_says_the_same_is_counted_like_any_other(make_votes):
    samples = [{"always": "-"}, {"always": "-", "a": "+", "b": "+"}, {"always": "-", "a": "+"}]
    labels = decide(make_votes(samples), Majority(), Policy()).labels
    assert labels["label"].to_pylist() == [False, True, None]


class Learner(Method):
    """Notes what it is shown, and answers one half (or less certain) everywhere."""

    def aggregate(self, votes, gold=None):
        seen.append((votes, gold))
        n = len(votes.sample_ids)
        worth_M = np.full(len(votes.labelers), 0.5)
        held_out = None if gold is None else np.full(len(gold), 0.5)
        return Aggregate(
            np.full(n, 0.5), "learner", p_held_out_G=held_out, worth_M=worth_M, worth_against_M=-worth_M
        )


seen = []


def test_a_learning_method_learns_from_agreeing_annotators_without_seeing_their_votes(make_votes):
    seen.clear()
    samples = [{"ann": "+", "bob": "+", "a": "-"}, {"ann": "-"}, {"a": "-"}]
    decided = decide(make_votes(samples, **ANNOTATORS), Learner(), Policy())
    ((shown, gold),) = seen
    assert {shown.labelers[m].name for m in shown.labeler_V} == {"a"}
    assert (gold.sample_G.tolist(), gold.label_G.tolist()) == ([0], [True])
    # a lone annotator is right 8 times in 10: 1 / (1 + exp(log 4)) = .2
    assert decided.labels["p_desirable"].to_pylist() == pytest.approx([1.0, 0.2, 0.5])
    assert decided.worth_M.tolist() == pytest.approx([0.5, np.log(4), np.log(4)])


def test_a_method_that_learns_nothing_counts_annotators_as_voters(make_votes):
    samples = [{"ann": "+", "bob": "+"}, {"ann": "-", "a": "+"}]
    decided = decide(make_votes(samples, **ANNOTATORS), Majority(), Policy())
    assert decided.labels["p_desirable"].to_pylist() == [1.0, 0.5]


def test_annotators_who_were_given_a_sample_rarely_count_for_more(make_votes):
    votes = make_votes([{"ann": "+", "bob": "+"}, {"ann": "-", "bob": "-"}], **ANNOTATORS)
    decided = decide(votes, Learner(), Policy(), p_selected_N=np.array([0.5, 0.1]))
    assert decided.gold.importance().tolist() == pytest.approx([2 / 6, 10 / 6])
