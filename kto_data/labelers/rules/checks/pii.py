"""Whether a text gives away personal data."""

import re
from collections.abc import Sequence

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text
from kto_data.texts.personal import PATTERNS, Kind, find


@CHECKS.register("pii")
class Pii(Check):
    """The text has personal data: `pii: true`, or `pii: {types: [email, phone, credit-card], not_in: prompt}`.

    Card numbers have to pass Luhn's check and IBANs theirs (remainder by 97, length of their country), so that
    numbers of orders are left alone; addresses kept for examples (`someone@example.com`, `192.0.2.1`, loopback)
    are nobody's. Phone numbers are found by how they are written: with `+` and a country, or in groups. With
    `not_in`, what is in that text too (whatever its spaces and dashes) does not count: repeating what the
    user gave is no leak. Names and postal addresses are not found.
    """

    types: tuple[Kind, ...] = Field(default=("email", "phone", "credit-card", "iban", "us-ssn"), min_length=1)
    """What to look for: email, phone, credit-card, iban, ip, us-ssn, mac-address, coordinates."""
    not_in: Scope | None = None
    """A scope, such as `prompt`, whose own data does not count."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there is any that counts."""
        given = (scope_text(context.row, self.not_in) or "") if self.not_in else ""
        known = {_bare(given[start:end]) for _, start, end in find(self.types, given)}
        found = [one for one in find(self.types, text) if _bare(text[one[1] : one[2]]) not in known]
        kinds = ", ".join(dict.fromkeys(kind for kind, _, _ in found))
        spans = tuple((start, end) for _, start, end in found[:MAX_SPANS])
        return Found(bool(found), kinds, spans)

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
