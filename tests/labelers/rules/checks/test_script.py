import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.script import ScriptIs


@pytest.mark.parametrize(
    ("script", "text", "holds"),
    [
        ("Latin", "Hello, été 42!", True),
        ("latin", "Привет", False),
        ("Cyrillic", "Привет, мир 👋", True),
        ("Japanese", "名前は何ですか。カタカナ", True),
        ("Han", "名前は何ですか", False),
        ("Korean", "안녕하세요", True),
        ("Devanagari", "नमस्ते दुनिया", True),
        (["Latin", "Greek"], "α and β", True),
        ("Latin", "α", False),
        ("Latin", "42 !", None),
        ("Latin", "", None),
    ],
)
def test_the_letters_are_of_the_script(script, text, holds):
    assert ScriptIs(**{"is": script}).decide(text, Context()).holds is holds


def test_the_share_of_the_letters_can_be_said():
    assert ScriptIs(**{"is": "Latin", "min_share": 0.5}).decide("ab жд", Context()).holds
    assert ScriptIs(**{"is": "Latin"}).decide("abc ж", Context()).evidence == "0.75 Latin"


def test_an_unknown_script_is_a_mistake():
    with pytest.raises(ValidationError, match="unknown script 'Latn'; did you mean 'Latin'"):
        ScriptIs(**{"is": "Latn"})
