"""Equal votes are told once."""

import numpy as np

from kto_data.aggregators.patterns import find_patterns


def test_samples_with_equal_votes_share_a_pattern_in_the_order_of_the_first(make_votes):
    votes = make_votes([{"b": "-"}, {"a": "+"}, {}, {"a": "+"}, {"a": "+-"}])
    patterns = find_patterns(votes)
    assert patterns.pattern_N.tolist() == [0, 1, 2, 1, 3]
    assert patterns.n_K.tolist() == [1, 2, 1, 1]
    assert patterns.voted_K.tolist() == [True, True, False, True]
    # columns: a up, b up, a down, b down
    assert patterns.votes_KX.toarray().tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]]


def test_every_sample_gets_back_its_own_votes_even_unsorted(made):
    rng = np.random.default_rng(0)
    votes_NM = rng.integers(-1, 2, size=(2000, 6))
    votes = made.table_of(votes_NM)
    for table in (votes, votes.where(rng.permutation(len(votes.sample_V)))):
        patterns = find_patterns(table)
        told_NX = patterns.votes_KX.toarray()[patterns.pattern_N]
        np.testing.assert_array_equal(told_NX[:, :6] - told_NX[:, 6:], votes_NM)
        assert len(patterns.n_K) <= 3**6


def test_counts_of_votes_tell_patterns_apart(make_votes):
    patterns = find_patterns(make_votes([{"t": "+"}, {"t": "++"}, {"t": "++-"}]))
    assert patterns.votes_KX.toarray().tolist() == [[1, 0], [2, 0], [2, 1]]


def test_nobody_voted_is_not_a_number(make_votes):
    patterns = find_patterns(make_votes([{}, {"a": "+"}]))
    np.testing.assert_array_equal(patterns.per_sample(np.array([0.3, 0.7])), [np.nan, 0.7])
