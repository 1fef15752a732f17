from hypothesis import given, settings
from hypothesis import strategies as st
from kto_trainer.encoding import Tokens
from kto_trainer.packing import bins, n_read, pack


def test_segments_follow_each_other_with_positions_that_start_anew():
    packed = pack([Tokens([1, 2, 3], [4, 5]), Tokens([6], [7, 8, 9])])
    # The last token of each, 5 and 9, is predicted but never read.
    assert packed.ids == [1, 2, 3, 4, 6, 7, 8]
    assert packed.positions == [0, 1, 2, 3, 0, 1, 2]
    assert packed.lengths == [4, 3]
    assert packed.scored == [2, 3, 4, 5, 6]  # 3 predicts 4, 4 predicts 5; 6 predicts 7, ...
    assert packed.targets == [4, 5, 7, 8, 9]
    assert packed.counts == [2, 3]


def test_a_lone_end_of_sequence_is_predicted_by_the_prompt_alone():
    packed = pack([Tokens([1, 2], [3])])
    assert (packed.ids, packed.scored, packed.targets) == ([1, 2], [1], [3])
    assert n_read(Tokens([1, 2], [3])) == 2


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 50), st.none() | st.integers(1, 5))
def test_every_item_is_in_one_group_and_only_a_lone_item_breaks_the_budget(sizes, budget, most):
    groups = bins(sizes, budget, most)
    assert sorted(item for group in groups for item in group) == list(range(len(sizes)))
    for group in groups:
        assert len(group) == 1 or sum(sizes[i] for i in group) <= budget
        assert most is None or len(group) <= most
