import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.word_share import WordShare


@pytest.mark.parametrize(
    ("text", "share"),
    [("The cat and THE dog", 0.6), ("cat", 0), ("", 0), ("the, the", 0.5), ("and\u00a0the", 1)],
)
def test_words_are_compared_whole_and_in_lower_case(text, share):
    check = WordShare(values=("the", "And"), min=share, max=share)
    assert check.decide(text, Context()).holds


@pytest.mark.parametrize("bounds", [{}, {"min": 0.5, "max": 0.4}, {"max": -1}])
def test_bounds_that_say_nothing_or_nonsense_are_mistakes(bounds):
    with pytest.raises(ValidationError):
        WordShare(values=("the",), **bounds)
