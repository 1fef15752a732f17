"""Keys, tokens and passwords in a text, by their own form or by a name beside them."""

import math
from collections import Counter
from collections.abc import Mapping

from kto_data.texts.patterns import compiled

_MIN_BITS = 3.0
"""Shannon entropy, in bits a character, that a value needs: words have less, random keys more."""

# In RE2's syntax; the first group is the secret.
KNOWN: Mapping[str, str] = {
    "private key": r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/=:,\s-]{20})",
    "AWS access key": r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    "GitHub token": r"\b((?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b",
    "GitLab token": r"\b(gl(?:pat|rt|dt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,})\b",
    "Slack token": r"\b(xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250})\b",
    "Slack webhook": r"(https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,})",
    "Stripe key": r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,})\b",
    "Anthropic key": r"\b(sk-ant-[A-Za-z0-9_-]{20,})",
    "OpenAI key": r"\b(sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,})",
    "Hugging Face token": r"\b(hf_[A-Za-z0-9]{30,})\b",
    "Google API key": r"\b(AIza[A-Za-z0-9_-]{35})",
    "Google OAuth token": r"\b(ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{28})",
    "npm token": r"\b(npm_[A-Za-z0-9]{36})\b",
    "PyPI token": r"\b(pypi-AgE[A-Za-z0-9_-]{50,})",
    "SendGrid key": r"\b(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64})",
    "Telegram token": r"\b(\d{8,10}:AA[A-Za-z0-9_-]{33})\b",
    "Azure storage key": r"AccountKey=([A-Za-z0-9+/]{86}==)",
    "JSON web token": r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})",
    "password in an address": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:([^\s:/@]{3,128})@[\w.-]+",
}
NAMED = (
    r"(?i)\b[\w-]{0,40}(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?(?:key|token)|auth[_-]?token|authorization|client[_-]?secret|"
    r"private[_-]?key|passw(?:or)?d|pwd|token|bearer)[\w-]{0,20}[\"']?\s{0,4}(?::=|=>|[:=])\s{0,4}"
    r"(?:bearer )?[\"'`]?([A-Za-z0-9_+/=.~!@#$%^&*-]{8,256})"
)
_PLACEHOLDERS = (
    r"(?i)^(?:[x*._-]+|(?:my|your|the|some|a|an|insert|enter|put|add|replace|use|change|set|get)[_.-].*|.*(?:your|example|"
    r"placeholder|changeme|change[_-]me|dummy|redacted|sample|here|xxxx|\.\.\.|\*\*\*|1234567|abcdef|password|secret).*|"
    r"(?:none|null|true|false|undefined|string|str|bearer|token))$"
)

PATTERNS = (*KNOWN.values(), NAMED)
"""A text in which none of these is found has no secrets."""


def find(text: str, *, named: bool = True) -> list[tuple[str, int, int]]:
    """Return the secrets of a text in order: the kind of each, and where it starts and ends."""
    found: dict[tuple[int, int], str] = {}
    for kind, pattern in KNOWN.items():
        for match in compiled(pattern).finditer(text):
            if not _is_placeholder(match.group(1)):
                found.setdefault(match.span(1), kind)
    taken = list(found)
    for match in compiled(NAMED).finditer(text) if named else ():
        start, end = match.span(1)
        overlaps = any(start < other_end and other_start < end for other_start, other_end in taken)
        if not overlaps and _is_random(match.group(1)):
            found[start, end] = "value named as a secret"
    return sorted(((kind, *span) for span, kind in found.items()), key=lambda one: one[1:])


def bits_per_character(text: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits.

    >>> bits_per_character("aaaa"), bits_per_character("abcd")
    (0.0, 2.0)
    """
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) + 0.0


_WEAK = frozenset(
    [
        "admin",
        "changeme",
        "guest",
        "mongo",
        "mysql",
        "pass",
        "passwd",
        "password",
        "postgres",
        "pwd",
        "redis",
        "root",
        "secret",
        "test",
        "user",
    ]
)


def _is_placeholder(value: str) -> bool:
    if value.lower() in _WEAK:  # as in postgres://user:password@localhost
        return True
    body = value.rpartition("_")[2] if len(value) > 20 else value
    return (
        len(set(body)) < 5 or "EXAMPLE" in value.upper() or "xxxx" in value.lower() or "your" in value.lower()
    )


def _is_random(value: str) -> bool:
    if bits_per_character(value) < _MIN_BITS or not any(character.isdigit() for character in value):
        return False
    return not compiled(_PLACEHOLDERS).search(value)
