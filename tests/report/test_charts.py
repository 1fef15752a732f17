"""The drawings: positions by hand, gaps, escapes, edge cases."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kto_data.report.charts import (
    MAX_POINTS,
    Bar,
    Line,
    Part,
    class_histogram,
    interval_bars,
    line_chart,
    nice_ticks,
    shares_bar,
)

WORDS = {"title": "Title", "description": "Words for those who cannot see."}


def test_a_bar_and_its_interval_stand_where_the_numbers_say():
    drawing = interval_bars([Bar("trained", 0.8, 0.75, 0.85)], **WORDS, mark=0.5)
    assert 'width="80.00%"' in drawing
    assert '<line x1="75.00%" x2="85.00%"' in drawing
    assert 'class="mark" x1="50.00%"' in drawing
    assert "0.800  (0.750 to 0.850)" in drawing


def test_a_bar_without_interval_has_no_whisker():
    assert "whisker" not in interval_bars([Bar("a", 0.4)], **WORDS)


def test_names_are_escaped_in_every_chart():
    evil = "<b onclick=x>&\x00"
    words = {"title": evil, "description": evil}
    for drawing in (
        interval_bars([Bar(evil, 0.4)], **words),
        line_chart([Line(evil, [1, 2], [1.0, 2.0]), Line("b", [1], [1.0])], **words),
        class_histogram([0, 1], [1], [1], **words),
        shares_bar([Part(evil, 1, "none")]),
    ):
        assert "<b onclick" not in drawing
        assert "&lt;b onclick=x&gt;&amp;␀" in drawing
        ElementTree.fromstring(drawing)


def test_a_line_is_broken_where_values_are_missing():
    drawing = line_chart([Line("loss", [0, 1, 2, 3, 4], [0.0, 1.0, None, float("nan"), 1.0])], **WORDS)
    assert re.search(r' d="(.*?)"', drawing)[1] == "M0.0 1000.0L250.0 0.0M1000.0 0.0"


def test_a_line_without_values_is_no_chart():
    assert line_chart([Line("kl", [1, 2], [None, float("nan")])], **WORDS) == ""
    assert line_chart([], **WORDS) == ""


def test_a_single_point_and_a_constant_can_be_drawn():
    for xs, ys in (([3], [0.5]), ([1, 2, 3], [0.5, 0.5, 0.5]), ([0, 1], [0.0, 0.0])):
        ElementTree.fromstring(line_chart([Line("loss", xs, ys)], **WORDS))


def test_long_lines_are_averaged():
    drawing = line_chart([Line("loss", range(10_000), [float(n % 2) for n in range(10_000)])], **WORDS)
    path = re.search(r' d="(.*?)"', drawing)[1]
    assert path.count("L") < MAX_POINTS
    assert len(drawing) < 12_000


def test_histogram_heights_are_shares_of_their_own_class():
    # 3 of 4 desirable and 30 of 40 undesirable rows lie in the first bin: equal heights
    drawing = class_histogram([0, 1, 2], [3, 1], [30, 10], **WORDS)
    heights = re.findall(r'class="(?:solid|hollow) tone-\w+" x="[\d.]+%".*?height="([\d.]+)"', drawing)
    assert heights == ["126.0", "42.0", "126.0", "42.0"]
    assert "desirable (4)" in drawing


def test_an_empty_class_can_be_drawn():
    ElementTree.fromstring(class_histogram([0, 1], [0], [0], **WORDS))


def test_parts_fill_the_bar():
    drawing = shares_bar([Part("yes", 30, "desirable"), Part("no", 10, "undesirable")])
    assert 'x="0.000%" width="75.000%"' in drawing
    assert 'x="75.000%" width="25.000%"' in drawing
    assert "<title>yes 30, no 10</title>" in drawing
    assert shares_bar([Part("yes", 0, "desirable")]) == ""


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_ticks_span_the_range_and_are_few(first, second):
    low, high = min(first, second), max(first, second)
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


@pytest.mark.parametrize("value", [-1.0, 2.0])
def test_a_value_outside_the_axis_stops_at_its_end(value):
    assert re.search(r'width="(0|100)\.00%"', interval_bars([Bar("a", value)], **WORDS))
