"""Words and letters that have to be there, or must not be.

Keywords are literal texts in upper or lower case. Those that must be there are found inside longer words,
too ("cat" in "concatenate"); forbidden words count as whole words only.
"""

import re

from kto_data.labelers.rules.ifeval.instruction import Relation, compare, instruction


@instruction("keywords:existence")
def existence(text: str, *, keywords: list[str]) -> bool:
    """Every keyword is in the text."""
    return all(_count(keyword, text) for keyword in keywords)


@instruction("keywords:frequency")
def frequency(text: str, *, keyword: str, frequency: int, relation: Relation) -> bool:
    """The keyword is in the text so often; occurrences do not overlap."""
    return compare(_count(keyword, text), relation, frequency)


@instruction("keywords:forbidden_words")
def forbidden_words(text: str, *, forbidden_words: list[str]) -> bool:
    """None of the words is in the text as a word."""
    return not any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in forbidden_words)


@instruction("keywords:letter_frequency")
def letter_frequency(text: str, *, letter: str, let_frequency: int, let_relation: Relation) -> bool:
    """The letter (or other character) is in the text so often, in upper or lower case."""
    return compare(text.lower().count(letter.strip().lower()), let_relation, let_frequency)


def _count(keyword: str, text: str) -> int:
    return len(re.findall(re.escape(keyword.strip()), text, re.IGNORECASE))
