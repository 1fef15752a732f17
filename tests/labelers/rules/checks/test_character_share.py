import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.character_share import CharacterShare
from kto_data.labelers.rules.checks.check import Context


@pytest.mark.parametrize(
    ("of", "text", "share"),
    [
        ("digits", "a1b2", 0.5),
        ("upper", "Ab É", 0.5),
        ("beyond-ascii", "aé你b", 0.5),
        ("digits", "", 0),
        ("upper", "a", 0),
    ],
)
def test_a_share_is_of_all_characters(of, text, share):
    def holds(**bounds):
        return CharacterShare(of=of, **bounds).decide(text, Context()).holds

    assert holds(min=share, max=share)
    assert not holds(min=share + 0.01)


@pytest.mark.parametrize("bounds", [{}, {"min": 0.5, "max": 0.4}, {"min": 2}])
def test_bounds_that_say_nothing_or_nonsense_are_mistakes(bounds):
    with pytest.raises(ValidationError):
        CharacterShare(of="digits", **bounds)
