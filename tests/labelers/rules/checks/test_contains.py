import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.contains import (
    Contains,
    ContainsAll,
    ContainsAny,
    IContains,
    IContainsAll,
    IContainsAny,
)

HERE = Context()


@pytest.mark.parametrize(
    ("check", "text", "spans"),
    [
        (Contains(value="ana"), "banana", ((1, 4),)),
        (Contains(value="aa"), "aaaa", ((0, 2), (2, 4))),
        (Contains(value="Refund"), "a refund", ()),
        (IContains(value="Refund"), "a refund", ((2, 8),)),
        (Contains(value="refund", ignore_case=True), "A REFUND", ((2, 8),)),
        (Contains(value="fund", word=True), "refund, fund.", ((8, 12),)),
        (Contains(value="fund", word=True), "fund_1 fünd fundé", ()),
        (IContains(value="ÉTÉ"), "l'été", ((2, 5),)),
        (IContains(value="x"), "İİx", ((2, 3),)),
        (IContains(value="οδος"), "ΟΔΟΣ", ()),
        (IContains(value="οδοσ"), "ΟΔΟΣ", ((0, 4),)),
        (ContainsAny(values=("b", "a")), "ab", ((0, 1), (1, 2))),
        (ContainsAny(values=("x", "y")), "ab", ()),
        (IContainsAny(values=("B",)), "ab", ((1, 2),)),
        (ContainsAll(values=("b", "a")), "ab", ((0, 1), (1, 2))),
        (ContainsAll(values=("b", "x")), "ab", ()),
        (IContainsAll(values=("B", "A")), "ab", ((0, 1), (1, 2))),
        (Contains(value="a\x00b"), "xa\x00b", ((1, 4),)),
    ],
)
def test_the_words_are_found_where_they_stand(check, text, spans):
    found = check.decide(text, HERE)
    assert found.holds == bool(spans)
    assert found.spans == spans


def test_the_evidence_is_the_text_as_written_or_what_is_missing():
    assert IContains(value="refund").decide("A REFUND", HERE).evidence == "REFUND"
    assert ContainsAll(values=("a", "x", "y")).decide("a", HERE).evidence == "missing: x, y"


@settings(deadline=None)
@given(st.text(min_size=1, max_size=3), st.text(max_size=30))
def test_contains_is_pythons_in(needle, text):
    assert Contains(value=needle).decide(text, HERE).holds == (needle in text)


@settings(deadline=None)
@given(st.text(alphabet="aAbBéÉß ", min_size=1, max_size=3), st.text(alphabet="aAbBéÉß ", max_size=30))
def test_icontains_is_pythons_in_on_lower_case(needle, text):
    found = IContains(value=needle).decide(text, HERE)
    assert found.holds == (needle.lower() in text.lower())
    assert all(text[start:end].lower() == needle.lower() for start, end in found.spans)


@settings(deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3), st.text("abc", max_size=8))
def test_any_and_all_are_pythons_any_and_all(values, text):
    assert ContainsAny(values=values).decide(text, HERE).holds == any(value in text for value in values)
    assert ContainsAll(values=values).decide(text, HERE).holds == all(value in text for value in values)


def test_the_places_are_bounded_and_the_decision_is_not():
    assert len(Contains(value="a").decide("a" * 1000, HERE).spans) == 100
    assert ContainsAll(values=("a", "b")).decide("a" * 1000 + "b", HERE).holds
