import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.repetition import Repetition


@pytest.mark.parametrize(
    ("text", "max_ratio", "holds"),
    [
        ("a b a b a b", 0.59, True),  # 5 bigrams, 2 distinct: 1 - 2/5 = 0.6
        ("a b a b a b", 0.61, False),
        ("A b a B", 0.3, True),  # 3 bigrams, 2 distinct: 1/3, case apart
        ("a b c d", 0.0, False),
        ("a", 0.0, False),
        ("", 0.0, False),
    ],
)
def test_the_share_of_repeated_ngrams_decides(text, max_ratio, holds):
    assert Repetition(ngram=2, max_ratio=max_ratio).decide(text, Context()).holds is holds


def test_the_evidence_is_what_is_said_most():
    found = Repetition(ngram=2, max_ratio=0.1).decide("so it so it so it is", Context())
    assert found.evidence == "'so it' 3 times"
