"""Words taken literally, as patterns for RE2."""

from functools import lru_cache

from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled

DOTTED_I = Pattern("\u0130")
"""The one character that becomes two in lower case (`i` and a dot), which RE2 does not know."""

_NO_WORD = "[^0-9A-Za-z_]"


@lru_cache(maxsize=1024)
def words_pattern(words: tuple[str, ...], *, ignore_case: bool, word: bool) -> Pattern:
    """Return a pattern that is found wherever one of the words is, in ASCII text exactly there.

    In other text it may be found more often: RE2 folds a few characters more, and knows letters of ASCII only.
    """
    flags = "(?i)" if ignore_case else ""
    alternatives = list(dict.fromkeys(_escaped(each.lower() if ignore_case else each) for each in words))
    if not word:
        return Pattern(f"{flags}(?:{'|'.join(alternatives)})")
    if all(_is_edge(each[0]) and _is_edge(each[-1]) for each in words):
        return Pattern(rf"{flags}\b(?:{'|'.join(alternatives)})\b")
    return Pattern(rf"{flags}(?:\A|{_NO_WORD})(?:{'|'.join(alternatives)})(?:\z|{_NO_WORD})")


def edge_pattern(value: str, *, ignore_case: bool, start: bool, end: bool) -> Pattern:
    """Return a pattern for a text that starts or ends with a value, or is it; exact as `words_pattern` is."""
    flags, first, last = "(?i)" * ignore_case, r"\A" * start, r"\z" * end
    literal = _escaped(value.lower() if ignore_case else value)
    return Pattern(f"{flags}{first}(?:{literal}){last}")


def settled(evidence: Evidence, pattern: Pattern, *, ignore_case: bool, word: bool = False) -> Settled:
    """Return what follows from such a pattern: all for ASCII texts, and that others without it have no match."""
    found = evidence.matches(pattern)
    if not ignore_case and not word:
        return Settled(found, found | ~found)
    sure = evidence.ascii_only | ~found
    if ignore_case:
        sure &= evidence.ascii_only | ~evidence.matches(DOTTED_I)
    return Settled(found, sure)


def can_be_searched(*words: str) -> bool:
    """Return whether words can be written as UTF-8, and no character that is unlike itself without its case.

    U+0130 becomes two characters in lower case; the long s and the Kelvin sign match ASCII letters in RE2 alone.
    """
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        return False
    return not set("\u0130\u017f\u212a") & set("".join(words))


def _is_edge(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _escaped(text: str) -> str:
    return "".join(
        character
        if not character.isascii() or character.isalnum() or character == " "
        else f"\\x{ord(character):02x}"
        for character in text
    )
