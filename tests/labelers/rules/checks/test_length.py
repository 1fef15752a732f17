import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.length import COUNTERS, Length, WordCount
from kto_data.labelers.rules.limits import Range


@pytest.mark.parametrize(
    ("unit", "text", "n"),
    [
        ("chars", "aé\n", 3),
        ("words", " don't  stop - now\n", 4),
        ("words", "", 0),
        ("sentences", "One. Two! Three?", 3),
        ("sentences", "Version 1.5 is out", 1),
        ("sentences", 'He said "no." Then he left', 2),
        ("sentences", "そうです。はい。", 2),
        ("sentences", " ", 0),
        ("sentences", "Well... yes.", 2),
        ("lines", "", 0),
        ("lines", "a", 1),
        ("lines", "a\n", 1),
        ("lines", "a\r\n\r\nb", 3),
    ],
)
def test_units_are_counted_as_documented(unit, text, n):
    assert COUNTERS[unit](text) == n


@pytest.mark.parametrize(
    ("bounds", "text", "holds"),
    [
        ({"words": {"max": 2}}, "a b", True),
        ({"words": {"max": 2}}, "a b c", False),
        ({"words": {"min": 1}, "lines": {"max": 1}}, "a\nb", False),
        ({"words": {"max": "{{n}}"}}, "a b c", True),
    ],
)
def test_every_given_bound_has_to_hold(bounds, text, holds):
    check = Length.model_validate(bounds)
    assert check.decide(text, Context(captures={"n": "3"})).holds is holds


def test_the_evidence_says_how_long_the_text_is():
    check = Length(chars=Range(max=9), words=Range(max=1))
    assert check.decide("a b", Context()).evidence == "3 chars, 2 words"


def test_word_count_is_short_for_length_in_words():
    check = WordCount(max="{{n}}")
    assert check.capture_names() == {"n"}
    assert not check.decide("a b", Context(captures={"n": "1"})).holds


@pytest.mark.parametrize(
    "options", [{}, {"words": {}}, {"words": {"min": 3, "max": 2}}, {"words": {"min": -1}}]
)
def test_bounds_that_make_no_sense_are_mistakes(options):
    with pytest.raises(ValidationError):
        Length.model_validate(options)
