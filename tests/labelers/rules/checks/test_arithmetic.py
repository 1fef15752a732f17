from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.labelers.rules.checks.arithmetic import Arithmetic, equations
from kto_data.labelers.rules.checks.check import Context


@pytest.mark.parametrize(
    "text",
    [
        "48 + 37 = 86",
        "So 48+37=86.",
        "$2 x 3 = $7",
        "2 × 3 = 7 apples",
        "1,200 + 1 = 1,202",
        "48.5 + 37.25 = 86",
        "10 / 4 = 2.4",
        "10 / 3 = 3.34",
        "2 + 3 * 4 = 20",
        "-2 + 3 = 2",
        "5 − 8 = 3",
        "2 + 3 = 5 = 4 + 2",
        "- 48 + 37 = 86",
        "2) 48 + 37 = 86",
        "The sum is **48 + 37 = 86**.",
        r"48 \times 2 = 90",
        "50% x 200 = 101",
        "first 1 + 1 = 2\nthen 2 + 2 = 5",
    ],
)
def test_wrong_equations_are_found(text):
    assert Arithmetic().decide(text, Context()).holds


@pytest.mark.parametrize(
    "text",
    [
        "48 + 37 = 85",
        "$2 x 3 = $6",
        "1,200 / 4 = 300",
        "10 / 3 = 3.33",
        "10 / 3 = 3",
        "1.15 x 1.5 = 1.73",
        "2 + 3 * 4 = 14",
        "2 + 3 = 5 = 10 / 2",
        "7 = 3 + 4",
        "5 - 8 = -3",
        "50% x 200 = 100",
        "0.1 + 0.2 = 0.3",
        # only a part of something that is not read here
        "(2 + 3) x 4 = 20",
        "4 x (2 + 3) = 20",
        "(2 + 3) - 4 = 1",
        "x + 3 + 4 = 10",
        "2x + 3 = 7",
        "y2 + 3 = 7",
        "2^3 + 1 = 9",
        "2 ** 3 + 1 = 9",
        "5 + 2 = 3(4)",
        "17 / 5 = 3 R 2",
        "17 / 5 = 3 remainder 2",
        "2,500,000 x 2 = 5 million",
        "1,5 + 2 = 3,5",
        "3 1/2 = 3.5",
        r"48 \cdot 37 \pm 1 + 2 = 9",
        "48 times 37 + 2 = 1778",
        "1 / 0 = 3",
        "a = 5",
        "5 = 6",
        "open 24/7",
        "2024-05-01",
        "",
    ],
)
def test_right_equations_and_what_only_looks_like_one_are_left_alone(text):
    assert not Arithmetic().decide(text, Context()).holds


def test_the_evidence_is_the_equation_and_the_right_value():
    found = Arithmetic().decide("Well: 48 + 37 = 86, and 1 + 1 = 3.", Context())
    assert found.evidence == "48 + 37 = 86 (it is 85)"
    assert found.spans == ((6, 18), (24, 33))


def test_places_are_right_on_later_lines():
    text = "a\n- 2 + 2 = 5"
    assert [text[equation.start : equation.end] for equation in equations(text)] == ["2 + 2 = 5"]


numbers = st.integers(0, 10**11)


@settings(deadline=None)
@given(numbers, numbers, st.sampled_from("+-*"), st.booleans(), st.integers(0, 3))
def test_a_stated_result_is_right_exactly_if_it_is_the_result(left, right, sign, commas, off):
    results = {"+": left + right, "-": left - right, "*": left * right}
    result = results[sign] + off
    form = "{:,} {} {:,} = {:,}" if commas else "{} {} {} = {}"
    (equation,) = equations(form.format(left, sign, right, result))
    assert equation.value == results[sign]
    assert equation.right is (off == 0)


@settings(deadline=None)
@given(numbers, st.integers(1, 1000), st.integers(0, 6))
def test_a_quotient_may_be_rounded_to_its_decimals(left, right, decimals):
    exact = Fraction(left, right)
    stated = round(exact, decimals)
    whole, part = divmod(int(stated * 10**decimals), 10**decimals)
    text = f"{left} / {right} = {whole}" + (f".{part:0{decimals}d}" if decimals else "")
    assert [equation.right for equation in equations(text)] == [True]


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-*/=().,x$% \n", max_size=60))
def test_any_text_can_be_read(text):
    Arithmetic().decide(text, Context())
