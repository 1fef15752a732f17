import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.length_ratio import LengthRatio
from kto_data.labelers.rules.row import Row


def decided(text, reference, **options):
    return LengthRatio(to="meta.reference", **options).decide(
        text, Context(Row(meta={"reference": reference}))
    )


@pytest.mark.parametrize(
    ("text", "options", "holds"),
    [
        ("one two. five six", {"max": 2}, False),
        ("one two. five six", {"max": 1.9}, True),
        ("one two. five six", {"min": 2}, False),
        ("one two. five six", {"min": 2.1}, True),
        ("one two. five six", {"max": 3, "min": 1}, False),
        ("12345678", {"max": 2.6, "unit": "chars"}, True),  # 8 characters beside 3
        ("12345678", {"max": 2.7, "unit": "chars"}, False),
        ("one two. five", {"max": 1.9, "unit": "tokens"}, True),  # 4 beside 2
        ("一二三", {"max": 1.4, "unit": "tokens"}, True),
        ("one\ntwo", {"max": 1.9, "unit": "lines"}, True),
    ],
)
def test_it_holds_out_of_bounds(text, options, holds):
    assert decided(text, "a b", **options).holds is holds


@pytest.mark.parametrize("reference", [None, "", " "])
def test_without_the_other_text_it_is_not_applicable(reference):
    assert decided("a b", reference, max=2).holds is None


def test_it_reads_the_other_text():
    assert LengthRatio(to="last_user", max=2).reads() == {"last_user"}


@pytest.mark.parametrize("options", [{}, {"max": 1, "min": 2}, {"max": 0}, {"to": "referense", "max": 1}])
def test_bounds_that_make_no_sense_are_mistakes(options):
    with pytest.raises(ValidationError):
        LengthRatio.model_validate({"to": "prompt"} | options)
