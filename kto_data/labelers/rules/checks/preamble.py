"""Whether an output begins by talking about itself."""

from collections.abc import Sequence

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found, places
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic

_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|definitely|gladly|okay|ok|great|got it|no problem|alright|understood|yes|right)"
_PREAMBLES = (
    rf"(?i)\A\W*{_YES}\b[,!.:]*\s*(?:I(?:['’]d| would|['’]ll| will| can|['’]m| am) (?:certainly |definitely |gladly |more than )?"
    r"(?:be (?:more than )?)?(?:happy|glad|love|pleased|delighted|help|provide|explain|do that)\b"
    r"|(?:here|below)(?:['’]s| is| are)\b|let (?:me|us)\b|let['’]s\b)[^\n.!?:]*",
    r"(?i)\A\W*(?:sure(?: thing)?|certainly|of course|absolutely|definitely|gladly|got it|no problem|understood)[!.,:]+(?:\s|\z)",
    r"(?i)\A\W*(?:(?:please find |find )?(?:here|below)(?:['’]s| is| are)) (?:an?|the|some|my|your|one|two|three|\d+|what|how)\b"
    r"[^\n.!?]*:\s*(?:\n|\z)",
    r"(?i)\A\W*(?:I(?:['’]d| would) be|I(?:['’]m| am)) (?:more than )?(?:happy|glad|pleased|delighted) to (?:help|assist|answer|provide|explain)\b",
    r"(?i)\A\W*(?:thank you|thanks)(?: so much| very much)? for (?:your|the|asking|reaching|sharing|providing)\b",
    r"(?i)\A\W*as (?:requested|you (?:requested|asked))\b",
    r"(?i)\A\W*(?:great|good|excellent|interesting) question\b",
)


@CHECKS.register("preamble")
class Preamble(Check):
    """The output begins with words about itself before it comes to the matter, in English: `preamble: true`.

    Such as `Sure! Here's a list of ...:`, `Certainly, I'd be happy to help.`, `Great question!`, `As requested,`.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if it begins so."""
        found = places(_PREAMBLES, text)
        if not found:
            return Found(False)
        start, end = max(found, key=lambda span: span[1])
        end = start + len(text[start:end].rstrip())
        return Found(True, text[start:end][:120].strip(), ((start, end),))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the beginnings."""
        return [Pattern(pattern) for pattern in _PREAMBLES]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without them."""
        return none_found(_PREAMBLES, evidence)
