"""Decision tables: the first line that fits decides."""

import pytest
from pydantic import ValidationError

from kto_data.labelers.decision_table import DecisionTable

TABLE = DecisionTable(
    columns=["meta.type", "meta.label"],
    table=[
        ["contrast_*", "refusal", "desirable"],
        ["contrast_*", "*", "undesirable"],
        ["*", "help", "desirable"],
    ],
)


@pytest.mark.parametrize(
    ("values", "vote"),
    [
        (("contrast_a", "refusal"), 1),
        (("contrast_a", "help"), -1),
        (("plain", "help"), 1),
        ((None, "help"), None),
        (("plain", None), None),
    ],
)
def test_the_first_line_that_fits_decides(values, vote):
    assert TABLE.vote_on(values) == vote


def test_values_that_no_line_fits_are_an_error_that_names_them():
    with pytest.raises(LookupError, match=r"meta\.type = 'plain', meta\.label = 'odd'"):
        TABLE.vote_on(("plain", "odd"))


def test_numbers_and_booleans_are_compared_as_they_are_written():
    table = DecisionTable(columns=["a"], table=[["true", "desirable"], ["3", "undesirable"]])
    assert [table.vote_on([value]) for value in (True, 3)] == [1, -1]


@pytest.mark.parametrize(
    ("line", "words"),
    [(["x", "desirable"], "2 entries; expected 2"), (["x", "y", "good"], "'good' is no vote")],
)
def test_a_line_that_cannot_be_meant_is_refused(line, words):
    with pytest.raises(ValidationError, match=words):
        DecisionTable(columns=["a", "b"], table=[line])
