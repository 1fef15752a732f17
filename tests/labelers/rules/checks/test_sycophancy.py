import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.sycophancy import SycophancyPhrases


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Great question! DNS maps names.", "Great question"),
        ("That's a really insightful observation.", "That's a really insightful observation"),
        ("Hm. You're absolutely right, it is 4.", "You're absolutely right"),
        ("You’re right to ask.", "You’re right to"),
        ("I apologize for the confusion.", "I apologize for the confusion"),
        ("It was a great question for the court.", ""),
        ("Turn right. You are there.", ""),
        ("", ""),
    ],
)
def test_phrases_of_flattery_are_found(text, evidence):
    found = SycophancyPhrases().decide(text, Context())
    assert (found.holds, found.evidence) == (bool(evidence), evidence)
