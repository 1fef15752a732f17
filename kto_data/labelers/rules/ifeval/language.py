"""The language of a text, and whether it is all in capitals or in small letters.

The language is what `langdetect` says, as for the published verdicts; a text without a letter to judge by
counts as being in any language. langdetect draws random samples, and for short texts and lists of names its
answer changes with the draw: we draw with fixed seeds and, where the first draws disagree, take the most frequent answer.
"""

from collections import Counter
from functools import lru_cache
from typing import Any

from kto_data.labelers.rules.ifeval.instruction import Relation, compare, instruction
from kto_data.labelers.rules.ifeval.tokens import tokens

_SURE = 3  # draws that have to agree
_UNSURE = 15  # draws in all where they do not


@instruction("language:response_language")
def response_language(text: str, *, language: str) -> bool:
    """The text is in a language, given by its ISO 639-1 code."""
    return _language(text) in (language, None)


@instruction("change_case:english_capital")
def english_capital(text: str) -> bool:
    """The text is in English and has no small letter."""
    return text.isupper() and _language(text) in ("en", None)


@instruction("change_case:english_lowercase")
def english_lowercase(text: str) -> bool:
    """The text is in English and has no capital letter."""
    return text.islower() and _language(text) in ("en", None)


@instruction("change_case:capital_word_frequency")
def capital_word_frequency(text: str, *, capital_frequency: int, capital_relation: Relation) -> bool:
    """So many words of the text are all in capitals; see `tokens.py` for what a word is ("I" is one)."""
    return compare(sum(token.isupper() for token in tokens(text)), capital_relation, capital_frequency)


@lru_cache(maxsize=256)
def _language(text: str) -> str | None:
    """Return the language of a text, None where nothing in it tells."""
    answers = [_answer(text, seed) for seed in range(_SURE)]
    if len(set(answers)) > 1:
        answers += [_answer(text, seed) for seed in range(_SURE, _UNSURE)]
    return Counter(answers).most_common(1)[0][0]


def _answer(text: str, seed: int) -> str | None:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.seed = seed
    detector.append(text)
    try:
        return str(detector.detect())
    except LangDetectException:
        return None


@lru_cache(maxsize=1)
def _factory() -> Any:
    from langdetect import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory
