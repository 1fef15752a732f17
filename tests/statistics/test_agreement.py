"""Agreement of two labelers, by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.statistics.agreement import Confusion, agreement_share, as_votes, cohen_kappa, confusion

LABEL = st.sampled_from([True, False, None])


@given(st.lists(st.tuples(LABEL, LABEL), max_size=50))
def test_confusion_equals_counting_by_hand(pairs):
    counts = confusion(as_votes(a for a, _ in pairs), as_votes(b for _, b in pairs))
    assert counts == Confusion(
        n_both_desirable=pairs.count((True, True)),
        n_only_first_desirable=pairs.count((True, False)),
        n_only_second_desirable=pairs.count((False, True)),
        n_both_undesirable=pairs.count((False, False)),
        n_missing=sum(None in pair for pair in pairs),
    )
    assert counts.n_compared + counts.n_missing == len(pairs)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_kappa_follows_from_observed_and_chance_agreement(pairs):
    counts = confusion(as_votes(a for a, _ in pairs), as_votes(b for _, b in pairs))
    observed = np.mean([a == b for a, b in pairs])
    assert agreement_share(counts) == pytest.approx(observed)
    first, second = (np.mean([pair[side] for pair in pairs]) for side in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    if chance == 1:
        assert cohen_kappa(counts) is None
    else:
        assert cohen_kappa(counts) == pytest.approx((observed - chance) / (1 - chance))


@pytest.mark.parametrize(
    ("counts", "share", "kappa"),
    [
        (Confusion(20, 5, 10, 15, 0), 0.7, 0.4),  # p_c = .5 * .6 + .5 * .4 = .5
        (Confusion(5, 0, 0, 5, 3), 1.0, 1.0),
        (Confusion(0, 5, 5, 0, 0), 0.0, -1.0),
        (Confusion(1, 1, 1, 1, 0), 0.5, 0.0),
        (Confusion(7, 0, 0, 0, 0), 1.0, None),  # both say desirable throughout: no chance-corrected value
        (Confusion(0, 0, 0, 0, 4), None, None),
    ],
)
def test_known_tables(counts, share, kappa):
    assert agreement_share(counts) == share
    assert cohen_kappa(counts) == (pytest.approx(kappa) if kappa is not None else None)


def test_vectors_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 labels against 1"):
        confusion(as_votes([True, False]), as_votes([True]))
