import pytest

from kto_data.labelers.rules.ifeval.tokens import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can't, he'll.", ["I", "ca", "n't", ",", "he", "'ll", "."]),
        ("CANNOT gonna", ["CAN", "NOT", "gon", "na"]),
        ("3,000 or 5:30, yes", ["3,000", "or", "5:30", ",", "yes"]),
        ("state-of-the-art -- [X]", ["state-of-the-art", "--", "[", "X", "]"]),
        ("the U.S. is", ["the", "U.S.", "is"]),
        ("“I’VE”", ["“", "I", "’", "VE", "”"]),
        ("wait... A.", ["wait", "...", "A", "."]),
    ],
)
def test_words_and_marks_stand_alone(text, expected):
    assert tokens(text) == expected
