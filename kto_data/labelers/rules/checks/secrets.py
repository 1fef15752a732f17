"""Whether a text gives away keys, tokens or passwords."""

from collections.abc import Sequence

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text
from kto_data.texts.secrets import KNOWN, NAMED, find


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
        return [*KNOWN.values(), *([NAMED] if self.named else [])]
