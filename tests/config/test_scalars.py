"""What unquoted words of a YAML file mean."""

import datetime as dt
import math

import pytest

from kto_data.config.scalars import plain, tagged

PLUS_TWO = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[
            (word, word)
            for word in ("no", "yes", "on", "off", "y", "12:30", "1.2.3", "_", "-", "<<", "0x", "1e", "tRue")
        ],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, None) for word in ("", "~", "null", "Null")],
        *[("1_000", 1000), ("-017", -17), ("0o17", 15), ("0x1F", 31), ("0b11", 3), ("+5", 5)],
        *[("1.5", 1.5), ("1e3", 1000.0), (".5e3", 500.0), ("-.inf", -math.inf), ("1_0.5", 10.5)],
        ("2026-03-02", dt.date(2026, 3, 2)),
        ("2026-03-02T04:05:06Z", dt.datetime(2026, 3, 2, 4, 5, 6, tzinfo=dt.UTC)),
        ("2026-3-2 4:05:06.25 +02:00", dt.datetime(2026, 3, 2, 4, 5, 6, 250_000, tzinfo=PLUS_TWO)),
        ("2026-03-02 04:05:06", dt.datetime(2026, 3, 2, 4, 5, 6)),
    ],
)
def test_words_are_what_yaml_1_2_says(text, value):
    found = plain(text)
    assert (found, type(found)) == (value, type(value))


def test_not_a_number_is_none():
    assert math.isnan(plain(".nan"))


@pytest.mark.parametrize("text", ["2026-13-01", "2026-03-02T25:00:00Z"])
def test_a_date_that_does_not_exist_is_refused(text):
    with pytest.raises(ValueError):
        plain(text)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [("str", "5", "5"), ("int", "5", 5), ("float", "5", 5.0), ("bool", "true", True), ("null", "", None)],
)
def test_yamls_own_tags_are_kept(tag, text, value):
    found = tagged(f"tag:yaml.org,2002:{tag}", text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("tag", "error"), [("int", ValueError), ("bool", ValueError), ("binary", KeyError)])
def test_a_text_that_is_not_what_its_tag_says_is_refused(tag, error):
    with pytest.raises(error):
        tagged(f"tag:yaml.org,2002:{tag}", "5.5")
