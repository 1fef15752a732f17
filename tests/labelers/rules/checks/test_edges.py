import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.edges import EndsWith, Equals, StartsWith


@pytest.mark.parametrize(
    ("check", "text", "holds"),
    [
        (StartsWith(value="Sure"), "Sure, here", True),
        (StartsWith(value="Sure"), " Sure", False),
        (StartsWith(value="sure", ignore_case=True), "SURE!", True),
        (EndsWith(value="?"), "Why?", True),
        (EndsWith(value="?"), "Why? ", False),
        (EndsWith(value="END", ignore_case=True), "the end", True),
        (Equals(value="Yes."), "Yes.", True),
        (Equals(value="Yes."), "yes.", False),
        (Equals(value="Yes.", ignore_case=True), "yes.", True),
        (Equals(value=""), "", True),
    ],
)
def test_the_text_is_compared_as_it_is(check, text, holds):
    assert check.decide(text, Context()).holds is holds


def test_the_span_is_the_piece_that_matched():
    assert StartsWith(value="ab").decide("abc", Context()).spans == ((0, 2),)
    assert EndsWith(value="bc").decide("abc", Context()).spans == ((1, 3),)
    assert Equals(value="abc").decide("abc", Context()).spans == ((0, 3),)
