import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.word_length import WordLength


@pytest.mark.parametrize(
    ("text", "bounds", "holds"),
    [
        ("ab abcd", {"min": 3, "max": 3}, True),
        ("ab abcd", {"min": 3.1}, False),
        ("ab abcd", {"max": 2.9}, False),
        ("éé", {"max": 2}, True),
        (" \n", {"min": 3}, None),
    ],
)
def test_the_mean_is_of_characters_and_nothing_without_words(text, bounds, holds):
    assert WordLength(**bounds).decide(text, Context()).holds is holds


@pytest.mark.parametrize("bounds", [{}, {"min": 5, "max": 4}])
def test_bounds_that_say_nothing_or_nonsense_are_mistakes(bounds):
    with pytest.raises(ValidationError):
        WordLength(**bounds)
