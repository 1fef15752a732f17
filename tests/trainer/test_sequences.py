import numpy as np
from kto_trainer.encoding import Tokens
from kto_trainer.sequences import Listed, numbered


def keys(*sequences):
    return Listed([Tokens(*item) for item in sequences]).hashes().keys()


def test_the_border_between_prompt_and_completion_is_part_of_the_key():
    one, other, again = keys(([1, 2], [3]), ([1], [2, 3]), ([1, 2], [3]))
    assert (one != other).any()
    assert (one == again).all()


def test_prompt_and_completion_play_different_parts_in_the_key():
    one, other = keys(([1], [2]), ([2], [1]))
    assert (one != other).any()


def test_equal_hashes_get_one_number_and_the_first_place():
    hashes = np.array([[2, 5], [1, 5], [2, 4], [2, 5], [1, 5]], np.uint64)
    found = numbered(hashes)
    assert found.numbers_N.tolist() == [2, 0, 1, 2, 0]
    assert found.firsts_K.tolist() == [1, 2, 0]
