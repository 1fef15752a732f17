import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.degeneration import CompressionRatio, DuplicateLines


@pytest.mark.parametrize(
    ("text", "max_ratio", "holds"),
    [
        ("a\nb\n\na \nc", 0.24, True),  # 4 lines, 3 distinct: 0.25
        ("a\nb\n\na \nc", 0.25, False),
        ("", 0.0, False),
        ("a\nb", 0.0, False),
    ],
)
def test_repeated_lines_are_a_share_of_the_lines(text, max_ratio, holds):
    assert DuplicateLines(max_ratio=max_ratio).decide(text, Context()).holds is holds


def test_short_lines_may_be_left_out():
    assert not DuplicateLines(max_ratio=0, min_chars=2).decide("}\n}\nab", Context()).holds


@pytest.mark.parametrize(
    ("text", "holds"), [("ha " * 500, True), ("A plain sentence about nothing.", False), ("", False)]
)
def test_loops_pack_too_well(text, holds):
    assert CompressionRatio(max=6.0).decide(text, Context()).holds is holds
