from hypothesis import given
from hypothesis import strategies as st
from kto_trainer.ranks import Ranks


@given(st.lists(st.integers(1, 99), max_size=40), st.integers(1, 5))
def test_every_item_falls_to_one_process_and_counts_are_alike(sizes, n):
    shares = [Ranks(k, n).share(sizes) for k in range(n)]
    assert sorted(item for share in shares for item in share) == list(range(len(sizes)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
