"""Whether a text gives away personal data."""

import re
from collections.abc import Collection, Sequence

import re2
from pydantic import Field, field_validator

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text
from kto_data.texts.patterns import compiled
from kto_data.texts.personal import PATTERNS, Kind, find


@CHECKS.register("pii")
class Pii(Check):
    """The text has personal data: `pii: true`, or `pii: {types: [email, phone, credit-card], not_in: prompt}`.

    Card numbers have to pass Luhn's check and IBANs theirs (remainder by 97, length of their country), so that
    numbers of orders are left alone; addresses kept for examples (`someone@example.com`, `192.0.2.1`, loopback)
    are nobody's. Phone numbers are found by how they are written: with `+` and a country, or in groups. With
    `not_in`, what is in that text too (whatever its spaces and dashes) does not count: repeating what the
    user gave is no leak. With `except`, data that a pattern matches do not count, such as your own addresses or
    those of a role: `except: ['^(?i:info|support)@']`. Names and postal addresses are not found.
    """

    types: tuple[Kind, ...] = Field(default=("email", "phone", "credit-card", "iban", "us-ssn"), min_length=1)
    """What to look for: email, phone, credit-card, iban, ip, us-ssn, mac-address, coordinates."""
    not_in: Scope | None = None
    """A scope, such as `prompt`, whose own data does not count."""
    except_: tuple[str, ...] = Field(default=(), alias="except")
    """Patterns in RE2's syntax; what one is found in does not count."""

    @field_validator("except_")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                compiled(pattern)
            except re2.error as error:
                raise ValueError(f"not a pattern that RE2 can read: {pattern!r} ({error})") from None
        return patterns

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there is any that counts."""
        given = (scope_text(context.row, self.not_in) or "") if self.not_in else ""
        known = {_bare(given[start:end]) for _, start, end in find(self.types, given)}
        found = [one for one in find(self.types, text) if self._counts(text[one[1] : one[2]], known)]
        kinds = ", ".join(dict.fromkeys(kind for kind, _, _ in found))
        spans = tuple((start, end) for _, start, end in found[:MAX_SPANS])
        return Found(bool(found), kinds, spans)

    def _counts(self, value: str, known: Collection[str]) -> bool:
        excepted = any(compiled(pattern).search(value) for pattern in self.except_)
        return not excepted and _bare(value) not in known

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the patterns of the types."""
        return [Pattern(PATTERNS[kind].pattern) for kind in self.types]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts in which none is found."""
        return none_found([PATTERNS[kind].pattern for kind in self.types], evidence)

    def reads(self) -> frozenset[str]:
        """Return the other scope."""
        return frozenset({self.not_in}) if self.not_in else frozenset()


def _bare(text: str) -> str:
    return re.sub(r"[\s().-]", "", text).casefold()
