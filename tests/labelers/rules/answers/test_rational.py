import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.labelers.rules.answers.rational import last_number, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("26", 26), ("-3", -3), ("−3", -3), ("+3", 3), ("1,234,567", 1234567), ("1,234.50", "2469/2"), (".5", "1/2"),
        ("$26", 26), (r"\$1,000", 1000), ("26 dollars", 26), ("5 km/h", 5), ("12km", 12), ("5 m^2", 5), ("90°", 90),
        (r"90^\circ", 90), (r"12\text{ apples}", 12), ("USD 5", 5), ("x = 5", 5), ("about 5", 5), ("5.", 5),
        ("3/4", "3/4"), ("-3 / 4", "-3/4"), ("3 1/2", "7/2"), (r"\frac{1}{2}", "1/2"), (r"\dfrac{10}{4}", "5/2"),
        (r"-\frac12", "-1/2"), (r"3\frac{1}{2}", "7/2"), (r"$\tfrac{1}{3}$", "1/3"),
        ("1.5e3", 1500), ("2E-2", "1/50"), (r"2 \times 10^{3}", 2000), ("2x10^3", 2000), (r"2.5 \cdot 10^{-1}", "1/4"),
        ("1{,}000", 1000), (r"10\,000", 10000), ("**7**", 7), ("€5", 5), ("50%", 50), (r"50\%", 50),
    ],
)  # fmt: skip
def test_numbers_are_read_exactly(text, value):
    assert number(text).value == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "five",
        "5x",
        "2\\pi",
        "x+1",
        "3 and 4",
        "(1, 2)",
        "1/0",
        "\\sqrt{2}",
        "1e999",
        "3:30",
        "2^3",
        "10-20",
    ],
)
def test_what_is_more_or_less_than_a_number_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3 + 4 = 7", 7), ("from 3 to 4-5 apples", 5), ("It is -2.", -2), ("5 and then", 5), ("so 5-3", 3),
        (r"thus \frac{3}{4} of it", "3/4"), ("$1,200.50 in all", "2401/2"), ("none\nat 8\nall", 8), ("F2 key 3", 3),
        ("in 2024-05-01", 1),
    ],
)  # fmt: skip
def test_the_last_number_of_a_text_is_found(text, value):
    assert last_number(text).value == Fraction(value)


@pytest.mark.parametrize("text", ["", "no number", "abc1", "1/0"])
def test_a_text_may_have_no_number(text):
    assert last_number(text) is None


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_a_decimal_is_what_it_says(digits, places):
    value = Fraction(digits, 10**places)
    text = (
        f"{digits / 1:.0f}"
        if places == 0
        else f"{'-' if digits < 0 else ''}{abs(digits) // 10**places:,}."
        + (f"{abs(digits) % 10**places:0{places}d}")
    )
    assert number(text).value == value


@pytest.mark.parametrize(
    "text",
    ["1" * 100_000, "1," * 100_000, "1 " * 100_000, "\\frac{" * 20_000, "5" + " ." * 50_000, "-" * 100_000],
)
def test_hostile_texts_are_read_quickly(text):
    start = time.perf_counter()
    number(text), last_number(text)
    assert time.perf_counter() - start < 5
