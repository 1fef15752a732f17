"""Sentences, by the decision part of the Punkt algorithm with word lists of our own.

Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection", Computational Linguistics 32(4);
section numbers below are theirs. The verdicts that IFEval publishes come from an English Punkt model trained
on newspapers. We train nothing and ship no model: what its statistics decide, three short lists decide here
(abbreviations, words that open sentences, words that are seen in small letters).
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from kto_data.labelers.rules.ifeval.english import ABBREVIATIONS, OPENERS

_ENDS = frozenset(".?!")
_NON_WORD = r"""[)";}\]*:@'({\[!?]"""
_RUN = re.compile(r"\S+")
_INSIDE = re.compile(rf"[.?!](?={_NON_WORD})")  # a mark that punctuation follows which belongs to no word
_MULTI = r"-{2,}|\.{2,}|(?:\.\s){2,}\."
_TOKEN = re.compile(
    rf"(?:{_MULTI})"
    rf"|(?=[^(\"`{{\[:;&\#*@)}}\]\-,])\S+?(?=\s|$|{_NON_WORD}|{_MULTI}|,(?=$|\s|{_NON_WORD}|{_MULTI}))"
    r"|\S"
)
_ELLIPSIS = re.compile(r"\.\.+$")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")
_CLOSING = re.compile(r"[\"')\]}]+?(?:\s+|(?=--)|$)")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, in order.

    >>> sentences('Dr. Smith left at 3.15 p.m. on Monday. "Why?" he asked.')
    ['Dr. Smith left at 3.15 p.m. on Monday.', '"Why?"', 'he asked.']
    """
    pieces = [text[start:end] for start, end in _pieces(text)]
    return [piece for piece in (piece.strip() for piece in _with_closing_marks(pieces)) if piece]


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for run, following in pairwise([*_RUN.finditer(text), None]):
        assert run is not None, "only the last one has nothing before it"
        mark = _last_mark(run[0], last=following is None)
        if mark is None:
            continue
        if mark + 1 < len(run[0]):
            if _breaks(run[0][: mark + 2]):
                yield start, run.start() + mark + 1
                start = run.start() + mark + 1
        elif following is not None and _breaks(run[0], following[0]):
            yield start, run.end()
            start = following.start()
    yield start, len(text)


def _last_mark(run: str, *, last: bool) -> int | None:
    """Return where the last mark of a run without white space is that may end a sentence."""
    if run[-1] in _ENDS and not last:
        return len(run) - 1
    inside = None
    for inside in _INSIDE.finditer(run):  # noqa: B007 - the last one is wanted
        pass
    return inside.start() if inside else None


def _with_closing_marks(pieces: list[str]) -> Iterator[str]:
    """Yield the pieces with the quotation marks and brackets that close a sentence moved to its end."""
    moved = 0
    for index, piece in enumerate(pieces):
        rest = piece[moved:]
        moved = 0
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        closing = _CLOSING.match(following)
        if closing:
            yield rest + closing[0].strip()
            moved = closing.end()
        else:
            yield rest


def _breaks(run: str, following: str = "") -> bool:
    """Return whether a sentence ends in a run of characters, from each of its tokens and what comes after it."""
    tokens = _TOKEN.findall(run) + _TOKEN.findall(following)
    return any(_ends_sentence(token, after) for token, after in pairwise(tokens))


def _ends_sentence(token: str, following: str) -> bool:
    if token in _ENDS:
        return True
    if not token.endswith("."):
        return False
    if _ELLIPSIS.search(token):
        return _opens(following)
    word = token[:-1].lower()
    if _INITIAL.fullmatch(token):  # 4.3: initials
        return not _continues(following) and (_opens(following) or not following[0].isupper())
    if word in ABBREVIATIONS or word.rsplit("-", 1)[-1] in ABBREVIATIONS:  # 4.2: abbreviations
        return _opens(following)
    if _NUMBER.fullmatch(token):  # 4.3: ordinals
        return not _continues(following)
    return True


def _opens(token: str) -> bool:
    """Return whether a token is one that opens a sentence: a common word with a capital (4.1)."""
    return token[0].isupper() and token.rstrip(".").lower() in OPENERS


def _continues(token: str) -> bool:
    """Return whether a token cannot open a sentence: punctuation, or a word in small letters (4.1.1)."""
    return token in {";", ":", ",", *_ENDS} or token[0].islower()
