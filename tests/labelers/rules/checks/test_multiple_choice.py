import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.multiple_choice import MultipleChoice
from kto_data.labelers.rules.limits import RowError


@pytest.mark.parametrize(
    ("value", "text", "holds"),
    [("C", "The answer is (C).", True), ("(c)", "C", True), ("C. Paris", "B", False), ("C", "Paris", False)],
)
def test_the_chosen_letter_is_compared(value, text, holds):
    assert MultipleChoice(value=value).decide(text, Context()).holds is holds


@pytest.mark.parametrize("value", ["Paris", "F", "7"])
def test_a_value_that_is_no_letter_to_choose_is_a_fault(value):
    with pytest.raises(RowError):
        MultipleChoice(value=value).decide("A", Context())
