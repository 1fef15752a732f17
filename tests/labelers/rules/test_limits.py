import pytest

from kto_data.labelers.rules.limits import Range, RowError, fill, number


@pytest.mark.parametrize(
    ("given", "value"), [("5", 5), ("1,000", 1000), ("Three", 3), (" 7 ", 7), ("twenty", 20), ("007", 7)]
)
def test_a_captured_number_is_read_in_digits_or_words(given, value):
    assert number("{{n}}", {"n": given}) == value


@pytest.mark.parametrize("given", ["many", "-3", "1.5", "", "٣", "9" * 19])
def test_what_is_no_number_is_a_fault_that_says_so(given):
    with pytest.raises(RowError, match="not a whole number"):
        number("{{n}}", {"n": given})


def test_a_name_that_nothing_captured_is_a_fault():
    with pytest.raises(RowError, match=r"nothing was captured for \{\{n\}\}"):
        fill("at {{ n }}", {"m": "1"})


@pytest.mark.parametrize(("n", "holds"), [(1, False), (2, True), (4, True), (5, False)])
def test_both_bounds_are_inclusive(n, holds):
    assert Range(min=2, max="{{m}}").holds(n, {"m": "4"}) is holds
