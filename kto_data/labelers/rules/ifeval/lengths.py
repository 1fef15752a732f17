"""How many words, sentences and paragraphs a text has."""

import re

from kto_data.labelers.rules.ifeval.instruction import Relation, compare, instruction
from kto_data.labelers.rules.ifeval.sentences import sentences

_WORD = re.compile(r"\w+")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_END_OF_WORD = re.compile(r"[.,?!'\"]")


@instruction("length_constraints:number_words")
def number_words(text: str, *, num_words: int, relation: Relation) -> bool:
    """The text has so many words: runs of letters, digits and underscores, so "don't" is two."""
    return compare(len(_WORD.findall(text)), relation, num_words)


@instruction("length_constraints:number_sentences")
def number_sentences(text: str, *, num_sentences: int, relation: Relation) -> bool:
    """The text has so many sentences; see `sentences.py` for what one is."""
    return compare(len(sentences(text)), relation, num_sentences)


@instruction("length_constraints:number_paragraphs")
def number_paragraphs(text: str, *, num_paragraphs: int) -> bool:
    """The text is exactly so many paragraphs with the divider `***` between them.

    A divider at the very start or end does not count; nothing between two dividers is a mistake.
    """
    parts = _DIVIDER.split(text)
    if not all(part.strip() for part in parts[1:-1]):
        return False
    return sum(bool(part.strip()) for part in parts) == num_paragraphs


@instruction("length_constraints:nth_paragraph_first_word")
def nth_paragraph_first_word(text: str, *, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """The text has exactly so many paragraphs, with blank lines between, and one begins with a given word.

    The place is counted over all pieces between blank lines, empty ones too; only the others are paragraphs.
    """
    parts = text.split("\n\n")
    n_paragraphs = sum(bool(part.strip()) for part in parts)
    if n_paragraphs != num_paragraphs or not 1 <= nth_paragraph <= n_paragraphs:
        return False
    words = parts[nth_paragraph - 1].split()
    if not words:
        return False
    first = words[0].lstrip("'").lstrip('"')
    return _END_OF_WORD.split(first, maxsplit=1)[0].lower() == first_word.lower()
