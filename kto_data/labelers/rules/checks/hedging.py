"""How much an output hedges."""

from collections.abc import Sequence

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import n_places, none_found, places
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.limits import Range

_HEDGES = (
    r"(?i)\b(?:perhaps|maybe|possibly|presumably|arguably|conceivably|supposedly|seemingly|apparently|roughly speaking"
    r"|(?:it|this|that) (?:may|might|could) (?:well |also |possibly )?be|(?:may|might) or (?:may|might) not"
    r"|(?:I|we) (?:think|believe|suppose|guess|assume|suspect|imagine)|(?:I|we)(?:['’]m| am|['’]re| are) not "
    r"(?:entirely |completely |totally |100% |quite |really )?(?:sure|certain|confident)"
    r"|it (?:seems|appears|looks like|is possible|is likely|depends)|it['’]s (?:possible|likely|hard to say)"
    r"|as far as (?:I|we) (?:know|can tell|am aware)|to (?:the best of )?my knowledge|in my (?:humble )?opinion"
    r"|(?:sort|kind) of|more or less|to some (?:extent|degree)|in (?:some|many|most) cases|generally speaking"
    r"|(?:I|you) could be wrong|don['’]t quote me|(?:not|hard) to say for (?:sure|certain)"
    r"|there (?:may|might|could) be|(?:would|might|may) seem)\b",
)


@CHECKS.register("hedging")
class Hedging(Check):
    """The output hedges, in English: `hedging: true`, or `hedging: {count: {min: 3}, max_per_100_words: 2}`.

    Hedges are phrases such as `perhaps`, `I think`, `it seems`, `I'm not sure`, `to some extent`. It holds where
    they are as many as `count` says, and, with `max_per_100_words`, denser than that. A hedge can be just right:
    calibrate the rule, or give it a `when`.
    """

    count: Range = Range(min=1)
    """How many hedges there have to be; by default one or more."""
    max_per_100_words: float | None = Field(default=None, ge=0)
    """Hedges in 100 words that are still fine; the check holds above."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there are as many hedges, and as dense."""
        n = n_places(_HEDGES, text)
        holds = self.count.holds(n, context.captures)
        if self.max_per_100_words is not None:
            holds = holds and n * 100 > self.max_per_100_words * max(len(text.split()), 1)
        evidence = f"{n} hedge" if n == 1 else f"{n} hedges"
        return Found(holds, evidence, places(_HEDGES, text) if holds else ())

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the hedges, if a text without any is sure not to be meant."""
        return [Pattern(pattern) for pattern in _HEDGES] if self._needs_one() else ()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without hedges."""
        return none_found(_HEDGES, evidence) if self._needs_one() else None

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `count`."""
        return self.count.capture_names()

    def _needs_one(self) -> bool:
        return isinstance(self.count.min, int) and self.count.min > 0
