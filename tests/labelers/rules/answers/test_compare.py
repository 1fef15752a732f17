from fractions import Fraction

import pytest

from kto_data.labelers.rules.answers.compare import same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("0.5", r"\frac{1}{2}", True),
        ("1/3", "0.333", False),
        ("1,000", "1000.00", True),
        ("50%", "0.5", True),
        ("50%", "50", True),
        ("50%", "5", False),
        ("(1, 2)", "(1.0,4/2)", True),
        ("(1, 2)", "[1, 2]", False),
        ("1, 2", "2, 1", False),
        ("x+1", "x + 1", True),
        (r"\text{Paris}", "paris.", True),
        ("x = y+1", "y+1", True),
        (r"\left(3, \frac{\pi}{2}\right)", r"(3,\dfrac{\pi}{2})", True),
        ("5", "five", False),
        ("2x", "2", False),
        ("", "", True),
    ],
)
def test_answers_are_the_same_or_not(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal


@pytest.mark.parametrize(("one", "equal"), [("3.14", True), ("3.15", True), ("3.1501", False)])
def test_a_tolerance_includes_its_end(one, equal):
    assert same(one, "3.14", tolerance=Fraction("0.01")) is equal
