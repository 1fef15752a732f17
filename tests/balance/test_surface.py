"""Surface features."""

import pytest

from kto_data.balance.surface import TEXT_FIELDS, surface


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("# Title\n## Part\nno # heading", "headings", 2),
        ("- a\n* b\n1. c\n2) d\n-no", "bullets", 4),
        ("**bold** and __this__ but not **", "bold", 2),
        ("```py\nx\n```", "code_blocks", 2),
        ("see https://a.b and [c](d)", "links", 2),
        ("It might, perhaps, be so", "hedges", 2),
        ("I'm sorry, unfortunately not", "apologies", 2),
        ("I told my cat about me", "first_person", 3),
        ("Done.", "ends_in_punctuation", 1.0),
        ("and then", "ends_in_punctuation", 0.0),
        ("ab12", "digit_share", 0.5),
        ("ABcd", "upper_share", 0.5),
        ("Certainly! Here it is.", "opening", "certainly here"),
        ("", "opening", ""),
        ("", "chars", 0),
    ],
)
def test_a_feature_is_what_its_name_says(text, feature, value):
    assert surface(text)[feature] == value


def test_all_columns_are_filled():
    assert surface("x").keys() == {field.name for field in TEXT_FIELDS}
