"""Whether a text says nothing at all."""

from collections.abc import Sequence

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic, all_sure

# Characters that str.strip keeps though nobody can see them: zero-width space, joiners, byte order mark.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\x00"
_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_VISIBLE = Pattern("[^" + "".join(f"\\x{{{ord(char):x}}}" for char in _SPACES + _INVISIBLE) + "]")


@CHECKS.register("is-empty")
class IsEmpty(Check):
    """The text has no visible character: `is-empty: true`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if nothing is left without white space and invisible characters."""
        return Found(not any(not (char.isspace() or char in _INVISIBLE) for char in text))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the pattern of a visible character."""
        return (_VISIBLE,)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of every text."""
        return all_sure(~evidence.matches(_VISIBLE))
