import time

import pytest

from kto_data.labelers.rules.ifeval.instruction import INSTRUCTIONS
from kto_data.labelers.rules.ifeval.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("no stop", ["no stop"]),
        ("", []),
        ("Version 1.5 is out", ["Version 1.5 is out"]),
        ("Wow!! Really?! Yes.", ["Wow!!", "Really?!", "Yes."]),
        # abbreviations (section 4.2), and the common word with a capital that shows an end (4.1)
        ("Dr. Smith met Mrs. Jones.", ["Dr. Smith met Mrs. Jones."]),
        ("It is 5 p.m. in the U.S. He left.", ["It is 5 p.m. in the U.S.", "He left."]),
        # initials and ordinals (4.3)
        ("J. Bach wrote it.", ["J. Bach wrote it."]),
        ("1. First\n2. second", ["1.", "First\n2. second"]),
        # an ellipsis ends a sentence only before such a word
        ("Wait... what? Then... The end.", ["Wait... what?", "Then...", "The end."]),
        # closing marks go with what they close
        ('"Why?" he asked. (Yes.) Good.', ['"Why?"', "he asked.", "(Yes.)", "Good."]),
        # emphasis does not, so that what remains of it is a piece of its own, as for the published verdicts
        ("**Done.**", ["**Done.", "**"]),
        ("Line one\nline two", ["Line one\nline two"]),
    ],
)
def test_sentences_end_where_punkt_says(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize("text", ["!" * 200_000, "." * 200_000, "a.b" * 70_000 + ". X", ". " * 50_000])
def test_any_text_takes_linear_time(text):
    start = time.perf_counter()
    sentences(text)
    assert time.perf_counter() - start < 5


def test_the_number_of_sentences_is_bounded():
    verify = INSTRUCTIONS.get("length_constraints:number_sentences").follows
    assert verify("One. Two.", {"num_sentences": 2, "relation": "at least"})
    assert not verify("One. Two.", {"num_sentences": 2, "relation": "less than"})
