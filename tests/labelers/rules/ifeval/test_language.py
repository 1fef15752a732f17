import pytest

from kto_data.labelers.rules.ifeval.instruction import INSTRUCTIONS

ENGLISH = "The weather is nice today, and we are going to walk along the river."
GERMAN = "Das Wetter ist heute schön, und wir gehen am Fluss spazieren."


def follows(name, text, **kwargs):
    return INSTRUCTIONS.get(name).follows(text, kwargs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "language", "holds"),
    [(GERMAN, "de", True), (GERMAN, "en", False), ("नमस्ते, आप कैसे हैं?", "hi", True), ("123 ...", "de", True)],
)
def test_a_response_is_in_its_language_unless_nothing_tells(text, language, holds):
    assert follows("language:response_language", text, language=language) is holds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "holds"),
    [
        ("change_case:english_capital", ENGLISH.upper(), True),
        ("change_case:english_capital", ENGLISH, False),
        ("change_case:english_capital", GERMAN.upper(), False),
        ("change_case:english_lowercase", ENGLISH.lower(), True),
        ("change_case:english_lowercase", ENGLISH, False),
        ("change_case:english_lowercase", GERMAN.lower(), False),
    ],
)
def test_case_and_language_both_count(name, text, holds):
    assert follows(name, text) is holds


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("I AM here", 2),
        ("Nasa and NASA", 1),
        ("U.S. (UK)", 2),
        ("DON'T", 2),
        ("A1 B-52 123", 2),
        ("CANNOT", 2),
    ],
)
def test_words_in_capitals_are_counted(text, n):
    name = "change_case:capital_word_frequency"
    assert follows(name, text, capital_frequency=n, capital_relation="at least")
    assert follows(name, text, capital_frequency=n + 1, capital_relation="less than")
