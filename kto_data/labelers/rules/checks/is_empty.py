"""Whether a text says nothing at all."""

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found

# Characters that str.strip keeps though nobody can see them: zero-width space, joiners, byte order mark.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\x00"


@CHECKS.register("is-empty")
class IsEmpty(Check):
    """The text has no visible character: `is-empty: true`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if nothing is left without white space and invisible characters."""
        return Found(not any(not (char.isspace() or char in _INVISIBLE) for char in text))
