import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.preamble import Preamble


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Sure! Here's a list of fruits:\n- apple", True),
        ("Certainly, I'd be happy to help with that. Use X.", True),
        ("Of course. Use X.", True),
        ("Here are three ideas:\n1. x", True),
        ("Here is the recipe for you:", True),
        ("I'd be happy to help!", True),
        ("Thank you for your question.", True),
        ("As requested, the list.", True),
        ("Great question! It is 3.", True),
        ("Yes, I think the sun is hot.", False),
        ("Yes. It is 3.", False),
        ("DNS maps names.", False),
        ("Here is where the river turns.", False),
        ("Sure-fire plans fail.", False),
        ("Use X. Sure, here's why:", False),
        ("", False),
    ],
)
def test_a_beginning_about_itself_is_found(text, holds):
    assert Preamble().decide(text, Context()).holds is holds


def test_the_evidence_is_the_preamble():
    assert Preamble().decide("Sure! Here's a list:\n- a", Context()).evidence == "Sure! Here's a list"
