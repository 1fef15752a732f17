import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.language import LanguageIs, MixedLanguage
from kto_data.labelers.rules.row import Row

HERE = Context()
GERMAN = "Das Wetter ist heute schön, und morgen wird es noch besser."
ENGLISH = "The weather is nice today, and tomorrow it will be even better."


@pytest.mark.parametrize(
    ("language", "text", "holds"),
    [
        ("en", ENGLISH, True),
        ("de", ENGLISH, False),
        (["de", "en"], GERMAN, True),
        ("ja", "名前は何ですか", True),
        ("ru", "Привет, как дела?", True),
        ("en", "HELLO WORLD THIS IS BIG", True),
        ("en", f"{ENGLISH}\n```\nfür das ist nicht eine und wenn dann die Antwort\n```", True),
        ("EN-us", ENGLISH, True),
        ("en", "42", None),
        ("en", "Ja", None),
        ("en", "```python\nx = 1\n```", None),
        ("en", "", None),
    ],
)
def test_the_language_is_told_or_the_check_is_not_applicable(language, text, holds):
    assert LanguageIs(**{"is": language}).decide(text, HERE).holds is holds


def test_it_may_have_to_be_the_users_language():
    row = Row(prompt=[{"role": "user", "content": GERMAN}])
    check = LanguageIs(same_as="last_user", min_confidence=0.8)
    assert check.decide(ENGLISH, Context(row)).holds is False
    assert check.decide(ENGLISH, Context(row)).evidence.endswith("and last_user is de")
    assert check.decide(GERMAN, Context(row)).holds is True
    assert check.decide("Ok.", Context(row)).holds is None
    assert check.decide(GERMAN, HERE).holds is None


def test_the_sample_rule_for_wrong_languages_works(read_rule):
    rule = read_rule("{not: {language: {same_as: last_user, min_confidence: 0.8}}}")
    assert rule.fires(ENGLISH, prompt=GERMAN)
    assert rule.fires(GERMAN, prompt=GERMAN) is False
    assert rule.fires("42", prompt=GERMAN) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"is": "english"}, "unknown language 'english': use a code such as en"),
        ({}, "needs either is or same_as"),
        ({"is": "en", "same_as": "prompt"}, "needs either is or same_as"),
        ({"same_as": "promt"}, "unknown scope 'promt'; did you mean 'prompt'?"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(ValidationError) as told:
        LanguageIs(**options)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("options", "text", "holds"),
    [
        ({}, f"{ENGLISH} {GERMAN}", True),
        ({}, f"{ENGLISH} {ENGLISH}", False),
        ({"allow": ["de", "en"]}, f"{ENGLISH} {GERMAN}", False),
        ({"min_share": 0.4}, f"{ENGLISH} {ENGLISH} {ENGLISH} {GERMAN}", False),
        ({}, f"{ENGLISH}\n```\n{GERMAN}\n```", False),
        ({}, "42.", None),
    ],
)
def test_a_switch_between_languages_is_found(options, text, holds):
    assert MixedLanguage(**options).decide(text, HERE).holds is holds


def test_the_other_sentences_are_where_it_switches():
    found = MixedLanguage().decide(f"{ENGLISH} {ENGLISH} {GERMAN}", HERE)
    ((start, end),) = found.spans
    assert GERMAN.startswith(f"{ENGLISH} {ENGLISH} {GERMAN}"[start:end].strip())
