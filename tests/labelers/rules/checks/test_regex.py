import time

import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.regex import Regex
from kto_data.labelers.rules.limits import Range, RowError

HERE = Context()


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        (r"(?i)refund(s|ed)?", "Refunded, a refund", ((0, 8), (12, 18))),
        ("é+", "aéé", ((1, 3),)),
        ("x", "abc", ()),
        (r"(?m)^-", "- a\n- b", ((0, 1), (4, 5))),
        (r"^-", "a\n- b", ()),
    ],
)
def test_matches_are_found_anywhere_with_places_in_characters(pattern, text, spans):
    found = Regex(pattern=pattern).decide(text, HERE)
    assert (found.holds, found.spans) == (bool(spans), spans)


@pytest.mark.parametrize(
    ("bounds", "text", "holds"),
    [
        ({"min": 2}, "aa", True),
        ({"min": 2}, "a", False),
        ({"max": 1}, "", True),
        ({"max": 1}, "aa", False),
        ({"min": "{{n}}", "max": "{{n}}"}, "aaa", True),
        ({"min": "{{n}}", "max": "{{n}}"}, "aa", False),
    ],
)
def test_count_bounds_the_number_of_matches(bounds, text, holds):
    check = Regex(pattern="a", count=Range(**bounds))
    assert check.decide(text, Context(captures={"n": "three"})).holds is holds


def test_excepted_matches_do_not_count():
    check = Regex.model_validate({"pattern": r"\w+@\w+", "except": ["help@us"]})
    assert not check.decide("Help@us", HERE).holds
    assert check.decide("help@us, me@them", HERE).evidence == "me@them"


def test_named_groups_are_captured_unless_they_took_no_part():
    check = Regex(pattern=r"(?P<n>\d+)(?P<unit>kg)?")
    assert check.decide("3 or 4", HERE).captures == {"n": "3"}
    assert check.group_names() == {"n", "unit"}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?!a)b", "RE2 has no look-around ((?!...)"),
        ("(?<=a)b", "RE2 has no look-around ((?<=...)"),
        (r"(a)\1", r"RE2 has no backreferences (\1)"),
        ("(?P<a>x)(?P=a)", "RE2 has no backreferences ((?P=a))"),
        ("a*+", "RE2 has no possessive or atomic groups (*+)"),
        ("(?>a)", "RE2 has no possessive or atomic groups ((?>)"),
        ("(a", "not a pattern that RE2 can read: missing ): (a"),
    ],
)
def test_what_re2_cannot_do_is_said_with_its_remedy(pattern, message, capfd):
    with pytest.raises(ValidationError, match="pattern") as error:
        Regex(pattern=pattern)
    assert message in str(error.value)
    assert capfd.readouterr().err == ""


def test_a_pattern_that_would_backtrack_for_ever_is_quick():
    assert not Regex(pattern="(a+)+b").decide("a" * 20_000, HERE).holds


def python(pattern, **options):
    return Regex(engine="python", pattern=pattern, **options)


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        (r"foo(?=bar)", "foobar foo", ((0, 3),)),
        (r"(?<!\d)42(?!\d)", "142 42 423", ((4, 6),)),
        (r"\b(\w+) \1\b", "so the the end", ((3, 10),)),
        (r"\bété\b", "l'été dernier", ((2, 5),)),
        (r"^\p{Lu}\p{Ll}+$", "Élan", ((0, 4),)),
        (r"\d", "٣", ((0, 1),)),
        (r"x", "abc", ()),
    ],
)
def test_pythons_syntax_knows_look_around_and_unicode(pattern, text, spans):
    found = python(pattern).decide(text, Context())
    assert (found.holds, found.spans) == (bool(spans), spans)


def test_python_patterns_capture_count_and_except_too():
    assert python(r"(?P<n>\d+)(?= words)").decide("in 12 words", Context()).captures == {"n": "12"}
    assert python(r"(?P<n>\d+)(?= words)").group_names() == {"n"}
    assert python(r"a(?=b)", count={"min": 2}).decide("abab", Context()).holds
    assert not python(r"a\w", **{"except": ["AB"]}).decide("ab", Context()).holds


def test_a_pattern_that_takes_for_ever_is_a_fault_that_soon_comes():
    start = time.monotonic()
    with pytest.raises(RowError, match=r"took longer than 0.1 s on a text of 5,005 characters"):
        python(r"(x+x+)+z", timeout_s=0.1).decide("x" * 5000 + "y xxz", Context())
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("pattern", ["(", "a" * 20_000, "(" * 5000 + ")" * 5000, "(?P<n>a)(?P<n"])
def test_a_pattern_that_python_cannot_read_is_a_mistake(pattern):
    with pytest.raises(ValidationError, match=r"Python can read|characters"):
        python(pattern)


def test_re2_says_what_the_other_engine_could_do():
    with pytest.raises(ValidationError, match="engine: python"):
        Regex(pattern="a(?=b)")


def test_a_text_without_the_wide_pattern_takes_no_time_at_all():
    assert not python(r"(x+x+)+z", timeout_s=0.01).decide("x" * 50_000 + "y", Context()).holds
