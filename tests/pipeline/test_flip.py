"""The smallest change of votes that flips a label."""

import numpy as np
import pytest

from kto_data.aggregators.majority import Majority
from kto_data.aggregators.policy import Policy
from kto_data.pipeline.flip import Change, smallest_flip
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


def flip(votes, *, label, **modes):
    """`votes` is {labeler: +1 | -1 | 0} on one sample."""
    names = sorted(votes)
    cast = [(0, m, int(votes[name] > 0), int(votes[name] < 0)) for m, name in enumerate(names) if votes[name]]
    arrays = np.array(cast, dtype=np.int64).reshape(-1, 4).T
    labelers = [Labeler(name, "1", "rule", mode=modes.get(name, "vote")) for name in names]
    return smallest_flip(VoteTable(["s"], labelers, *arrays), 0, Majority(), Policy(), None, label=label)


@pytest.mark.parametrize(
    ("votes", "label", "changes"),
    [
        ({"a": 1}, True, [Change("a", "undesirable")]),  # withdrawn it would only leave the sample undecided
        ({"a": 1, "b": -1}, None, [Change("a", "nothing")]),
        ({"a": 1, "b": 1, "c": -1}, True, [Change("a", "undesirable")]),
        ({"a": 1, "b": 1, "c": 1}, True, [Change("a", "undesirable"), Change("b", "undesirable")]),
        ({"a": 0}, None, [Change("a", "desirable")]),
    ],
)  # fmt: skip
def test_the_fewest_changes_are_found(votes, label, changes):
    assert flip(votes, label=label) == changes


def test_a_veto_that_is_withdrawn_leaves_the_label_to_the_others():
    assert flip({"a": 1, "b": 1, "v": -1}, label=False, v="veto") == [Change("v", "nothing")]


def test_shadow_votes_flip_nothing():
    assert flip({"a": 1, "s": 0}, label=True, s="shadow") == [Change("a", "undesirable")]


def test_where_many_agree_no_few_votes_flip():
    assert flip(dict.fromkeys("abcdefgh", 1), label=True) is None
