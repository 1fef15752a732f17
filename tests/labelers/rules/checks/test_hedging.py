import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.hedging import Hedging


@pytest.mark.parametrize(
    ("options", "text", "holds", "evidence"),
    [
        ({}, "I think it is 3, perhaps 4.", True, "2 hedges"),
        ({}, "It is 3.", False, "0 hedges"),
        ({}, "I'm not entirely sure.", True, "1 hedge"),
        ({"count": {"min": 3}}, "Perhaps. It seems so.", False, "2 hedges"),
        ({"count": {"max": 0}}, "It is 3.", True, "0 hedges"),
        ({"max_per_100_words": 10}, "Perhaps " + "word " * 20, False, "1 hedge"),
        ({"max_per_100_words": 10}, "Perhaps " + "word " * 5, True, "1 hedge"),
    ],
)
def test_hedges_are_counted(options, text, holds, evidence):
    found = Hedging(**options).decide(text, Context())
    assert (found.holds, found.evidence) == (holds, evidence)
