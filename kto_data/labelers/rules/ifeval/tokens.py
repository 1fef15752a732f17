"""Words as in the Penn Treebank: punctuation and the ends of contractions stand alone."""

import re

from kto_data.labelers.rules.ifeval.sentences import sentences

_ALONE = re.compile(r"\.\.+|--+|[;@#$%&*?!\[\](){}<>\"“”«»„‘’`]|[:,](?!\d)|(?<!')'(?=\W|$)")
_CLITIC = re.compile(r"(?i)(?<=\w)(n't|'(?:s|m|d|ll|re|ve))(?!\w)")
_CONTRACTION = re.compile(r"(?i)\b(?:(can)(not)|(gim|lem)(me)|(gon|wan)(na)|(got)(ta))\b")
_FINAL_STOP = re.compile(r"(?<=[^.])\.(?=[\])}>\"'”’»]*\s*$)")


def tokens(text: str) -> list[str]:
    """Return the words and marks of a text.

    >>> tokens("I CAN'T; he cannot [NAME], U.S. citizen.")
    ['I', 'CA', "N'T", ';', 'he', 'can', 'not', '[', 'NAME', ']', ',', 'U.S.', 'citizen', '.']
    """
    return [token for sentence in sentences(text) for token in _tokens(sentence)]


def _tokens(sentence: str) -> list[str]:
    apart = _FINAL_STOP.sub(" . ", sentence)
    apart = _ALONE.sub(lambda match: f" {match[0]} ", apart)
    apart = _CLITIC.sub(r" \1", apart)
    return _CONTRACTION.sub(lambda match: " ".join(filter(None, match.groups())), apart).split()
