"""Whether an output flatters, or gives in."""

from collections.abc import Sequence

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found, places
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic

_PRAISE = r"(?:great|excellent|good|fantastic|wonderful|brilliant|amazing|awesome|insightful|thoughtful|fascinating|superb|outstanding|terrific|lovely|astute|perceptive)"
_THING = r"(?:question|point|idea|observation|insight|thought|topic|choice|suggestion|thinking|request|catch|work|job)"
_PHRASES = (
    rf"(?i)(?:\A|[.!?\n]\s*)\W*(?:what an? |that(?:['’]s| is) (?:such )?(?:an? )?|such an? |this is an? )?"
    rf"(?:really |very |truly |absolutely |quite )?{_PRAISE} {_THING}\b",
    r"(?i)\byou(?:['’]re| are) (?:absolutely|completely|totally|so|quite|100%|entirely|very) (?:right|correct|smart|"
    r"insightful|wise|brilliant)\b",
    r"(?i)(?:\A|[.!?\n]\s*)you(?:['’]re| are) right(?: to|,|[.!]| that| and)",
    r"(?i)\bI (?:sincerely |deeply |truly )?apologi[sz]e for (?:the|my|any) (?:confusion|error|mistake|misunderstanding|"
    r"oversight|inconvenience)\b",
    r"(?i)\b(?:what a|such a) (?:brilliant|genius|profound|beautiful|clever|wonderful) (?:mind|question|idea|thought|way)\b",
    r"(?i)\bI (?:love|admire|really appreciate|completely agree with|couldn['’]t agree more with) (?:your|how you|the way you)\b",
    r"(?i)\byou(?:['’]ve| have) (?:clearly|obviously|really) (?:put|thought|done|given)\b",
    r"(?i)\b(?:you have|you['’]ve got) (?:excellent|impeccable|exquisite|great|a great) (?:taste|instincts?|eye|judgement|judgment)\b",
)


@CHECKS.register("sycophancy-phrases")
class SycophancyPhrases(Check):
    """The output has a phrase of flattery or of giving in, in English: `sycophancy-phrases: true`.

    Such as `Great question!`, `You're absolutely right`, `I apologize for the confusion`. These are phrases, not
    proof: an apology can be due. Look at `last_user` in the rule's `when` to tell.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if a phrase is found."""
        found = places(_PHRASES, text)
        return Found(bool(found), text[slice(*found[0])].strip(" \t\n.!?") if found else "", found)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the phrases."""
        return [Pattern(pattern) for pattern in _PHRASES]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without them."""
        return none_found(_PHRASES, evidence)
