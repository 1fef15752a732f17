"""Whether a text gives away keys, tokens or passwords."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import compiled, none_found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text

_MIN_BITS = 3.0
"""Shannon entropy, in bits a character, that a value needs: words have less, random keys more."""

# In RE2's syntax; the first group is the secret.
_KNOWN: Mapping[str, str] = {
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
_NAMED = (
    r"(?i)\b[\w-]{0,40}(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?(?:key|token)|auth[_-]?token|client[_-]?secret|"
    r"private[_-]?key|passw(?:or)?d|pwd|token|bearer)[\w-]{0,20}[\"']?\s{0,4}(?::=|=>|[:=])\s{0,4}"
    r"(?:bearer )?[\"'`]?([A-Za-z0-9_+/=.~!@#$%^&*-]{8,256})"
)
_PLACEHOLDERS = (
    r"(?i)^(?:[x*._-]+|(?:my|your|the|some|a|an|insert|enter|put|add|replace|use|change|set|get)[_.-].*|.*(?:your|example|"
    r"placeholder|changeme|change[_-]me|dummy|redacted|sample|here|xxxx|\.\.\.|\*\*\*|1234567|abcdef|password|secret).*|"
    r"(?:none|null|true|false|undefined|string|str|bearer|token))$"
)


@CHECKS.register("secrets")
class Secrets(Check):
    """The text has a key, a token or a password: `secrets: true`, or `secrets: {not_in: prompt}`.

    Found by their own form: private keys, those of AWS, GitHub, GitLab, Slack, Stripe, Anthropic, OpenAI, Hugging
    Face, Google, npm, PyPI, SendGrid, Telegram and Azure, JSON web tokens, and passwords in addresses
    (`postgres://user:...@host`); and by a name beside them (`api_key = "..."`), where the value is random enough
    (3 bits a character, with a digit). Placeholders such as `your-api-key-here` do not count. With
    `not_in`, what is in that text too does not count. The evidence names the kind, never the secret.
    """

    named: bool = True
    """Whether values beside a name such as `password` count, too."""
    not_in: Scope | None = None
    """A scope, such as `prompt`, whose own secrets do not count."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there is any that counts."""
        given = (scope_text(context.row, self.not_in) or "") if self.not_in else ""
        found = [
            one for one in find(text, named=self.named) if text[one[1] : one[2]] not in given or not given
        ]
        kinds = ", ".join(dict.fromkeys(kind for kind, _, _ in found))
        return Found(bool(found), kinds, tuple((start, end) for _, start, end in found[:MAX_SPANS]))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the patterns."""
        return [Pattern(pattern) for pattern in self._patterns()]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts in which none is found."""
        return none_found(self._patterns(), evidence)

    def reads(self) -> frozenset[str]:
        """Return the other scope."""
        return frozenset({self.not_in}) if self.not_in else frozenset()

    def _patterns(self) -> list[str]:
        return [*_KNOWN.values(), *([_NAMED] if self.named else [])]


def find(text: str, *, named: bool = True) -> list[tuple[str, int, int]]:
    """Return the secrets of a text in order: the kind of each, and where it starts and ends."""
    found: dict[tuple[int, int], str] = {}
    for kind, pattern in _KNOWN.items():
        for match in compiled(pattern).finditer(text):
            if not _is_placeholder(match.group(1)):
                found.setdefault(match.span(1), kind)
    taken = list(found)
    for match in compiled(_NAMED).finditer(text) if named else ():
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


def _is_placeholder(value: str) -> bool:
    body = value.rpartition("_")[2] if len(value) > 20 else value
    return (
        len(set(body)) < 5 or "EXAMPLE" in value.upper() or "xxxx" in value.lower() or "your" in value.lower()
    )


def _is_random(value: str) -> bool:
    if bits_per_character(value) < _MIN_BITS or not any(character.isdigit() for character in value):
        return False
    return not compiled(_PLACEHOLDERS).search(value)
