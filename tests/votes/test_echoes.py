"""Which labelers say the same, counted by hand."""

import numpy as np
import pytest

from kto_data.votes import echoes
from kto_data.votes.echoes import find_echoes
from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


def table_of(votes_NM):
    sample_V, labeler_V = np.nonzero(votes_NM)
    vote_V = votes_NM[sample_V, labeler_V].astype(np.int8)
    labelers = [Labeler(f"m{m}", "1", "rule") for m in range(votes_NM.shape[1])]
    ids = [f"s{n}" for n in range(len(votes_NM))]
    return VoteTable(ids, labelers, sample_V, labeler_V, vote_V > 0, vote_V < 0), vote_V


def test_a_copy_is_found_and_an_independent_labeler_is_not():
    votes_NM = np.array([[1, 1, 1], [-1, -1, 1], [1, 1, -1], [-1, -1, -1]])
    first, _, independent = find_echoes(*table_of(votes_NM))
    assert [(echo.labeler, echo.correlation, echo.n_both) for echo in first] == [("m1", 1.0, 4)]
    assert independent == ()


def test_one_that_says_the_opposite_is_an_echo_too():
    first, second = find_echoes(*table_of(np.array([[1, -1], [-1, 1], [0, 0]])))
    assert (first[0].labeler, first[0].correlation) == ("m1", -1.0)
    assert (second[0].labeler, second[0].n_both) == ("m0", 2)


@pytest.mark.parametrize("in_order", [True, False])
def test_it_is_pearsons_correlation_whatever_the_chunks_and_the_order(monkeypatch, in_order):
    monkeypatch.setattr(echoes, "_SAMPLES_PER_CHUNK", 7)
    rng = np.random.default_rng(0)
    votes_NM = rng.choice([-1, 0, 1], size=(100, 2), p=[0.2, 0.5, 0.3])
    votes, sign_V = table_of(votes_NM)
    if not in_order:
        order_V = rng.permutation(len(sign_V))
        votes, sign_V = votes.where(order_V), sign_V[order_V]
    [echo] = find_echoes(votes, sign_V)[0]
    assert echo.correlation == pytest.approx(np.corrcoef(votes_NM.T)[0, 1], abs=1e-6)
    assert echo.n_both == int((votes_NM != 0).all(axis=1).sum())


def test_without_votes_there_are_none():
    assert find_echoes(*table_of(np.zeros((0, 2)))) == [(), ()]
