import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_empty import IsEmpty


@pytest.mark.parametrize(
    ("text", "holds"),
    [("", True), (" \n\t\u00a0", True), ("\u200b\ufeff", True), ("\x00", True), (".", False), (" a ", False)],
)
def test_only_what_can_be_seen_counts(text, holds):
    assert IsEmpty().decide(text, Context()).holds is holds
