import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.labelers.rules.edit_distance import edit_distance
from kto_data.labelers.rules.limits import RowError

texts = st.text(alphabet="abé", max_size=12)


def table_distance(one, other):
    """The textbook's table, row by row."""
    above = list(range(len(other) + 1))
    for place, character in enumerate(one, start=1):
        row = [place]
        for column, letter in enumerate(other, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (character != letter)))
        above = row
    return above[-1]


@given(texts, texts)
def test_it_is_the_textbooks_distance(one, other):
    assert edit_distance(one, other, at_most=12) == table_distance(one, other)


@given(texts, texts, st.integers(0, 12))
def test_a_limit_hides_what_is_above_it(one, other, at_most):
    distance = table_distance(one, other)
    assert edit_distance(one, other, at_most=at_most) == (distance if distance <= at_most else None)


def test_texts_that_are_too_long_to_compare_are_a_fault():
    with pytest.raises(RowError):
        edit_distance("a" * 200_000, "b" * 200_000, at_most=200_000)
