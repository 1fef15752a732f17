"""Whether an output declines to do what it was asked."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, WithJsonSchema

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.phrases import none_found, places
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic

_I = r"(?:I|we)"
_ADVERBS = r"(?:[a-z]+ly |just |also |even |not |still ){0,2}"
_CANNOT = (
    r"(?:(?:can ?not|can['’]?t|won['’]?t|will not) (?:and|or|nor) )?"
    r"(?:can ?not|can['’]?t|could(?: not|n['’]t)|won['’]?t|will not|do not|don['’]t|shall not|must not|"
    r"should(?: not|n['’]t)|"
    r"(?: am|['’]m| are|['’]re) (?:not (?:able|allowed|permitted|authori[sz]ed|going|willing|programmed|designed|"
    r"equipped|comfortable|at liberty|in a position)|unable|forbidden)(?: to|ing)?)"
)
# Not `tell you how glad I am`, nor `tell which one you mean`.
_DO = (
    r"(?:help|assist|aid|answer|comply|fulfil|fulfill|respond|provid|giv|shar|offer|discuss|talk|support|creat|writ|"
    r"generat|produc|tell (?:you|anyone|people)(?:[.,]| (?:that|this|what|where|who|about|how to))|tell (?:jokes|stories)|"
    r"engag|participat|condon|endors|promot|encourag|advis|complet|facilitat|teach|guid|explain|disclos|reveal|"
    r"instruct|assum|pretend|impersonat|role-?play|process|proceed|continue with|do that|do this|do so|suggest|"
    r"satisfy|entertain|accommodate|recommend any|make (?:such|any|that|this|jokes)|speculat|comment|elaborat|"
    r"describ|list|show you|direct you|perform|carry out|go into|get into|agree to|justify|speak (?:on|about|for)|"
    r"be (?:of (?:help|assistance)|(?:a )?part of|involved))"
)
_REFUSES = (
    rf"(?:\b{_I} ?{_CANNOT},?(?: in good conscience)? {_ADVERBS}{_DO}"
    rf"|\b{_I} (?:must|have to|will have to|am going to have to|['’]ll have to|need to)? ?"
    rf"(?:respectfully |politely )?(?:decline|refuse)\b"
    rf"|\b{_I}(?:['’]d| would) (?:rather|prefer) not\b"
    rf"|\b{_I} (?:do not|don['’]t) feel comfortable\b"
    rf"|\b{_I}(?: am|['’]m| are|['’]re)(?: [a-z]+ly| really)? not comfortable\b"
    r"|\bnot (?:something (?:that )?I can|able to (?:help|assist|provide|answer|discuss|support|fulfil))"
    r"|\b(?:not|isn['’]t) within my (?:programming|ethical|abilities|capabilities|scope)"
    r"|\b(?:against|violates?|beyond|outside(?: of)?) my (?:programming|ethical|polic|guideline|principles|"
    r"abilities|capabilities|scope|expertise|purpose)"
    r"|\bI(?: simply)? can(?:no|['’])t (?:do|say) (?:that|this|so)\b"
    r"|\b(?:sorry|apologies|afraid)[,.]?(?: but)? (?:no|I can(?:no|['’])t)[.!]"
    r")"
)
_SENTENCE = r"[^.!?\n]*"
_UNQUOTED = r"(?:[^.!?\n\"“”]|[\"“][^\n\"“”]*[\"”])*"
_OPENS = rf"(?i)\A\s*[\"“]?{_UNQUOTED}(?:[.!?\n]+{_UNQUOTED})?{_REFUSES}"
_ANYWHERE = rf"(?i){_REFUSES}"
# In quotation marks a figure of a story speaks: the sentence has none, and none ends with it.
_UNQUOTED_REFUSAL = rf"(?i)(?:\A|[.!?:\n])\s*{_UNQUOTED}{_REFUSES}{_UNQUOTED}(?:[.!?:](?:[^\"”.!?]|[.!?]+[^\"”.!?]|\z)|[\n“]|\z)"

_EVADES = (
    rf"(?i)\A\W*(?:{_SENTENCE}[.!?\n]+){{0,2}}{_SENTENCE}(?:"
    r"\b(?:it['’]?s|it is|this is|that is|that['’]s|would be|is|are)(?: [a-z]+ly| also| never)? (?:not|n['’]t|in)"
    r"(?: [a-z]+ly)? ?(?:appropriate|ethical|acceptable|okay|right|respectful|responsible|legal|safe|advisable)\b"
    r"|\bI (?:do not|don['’]t) (?:think|believe) (?:it['’]?s|it is|that['’]s|that is|it would be) "
    r"(?:appropriate|ethical|right|fair|accurate|respectful|productive|acceptable|a good idea)"
    r"|\b(?:is|are|it['’]s) (?:illegal|unethical|immoral|inappropriate|unacceptable)\b"
    r"|\bI (?:do not|don['’]t|cannot|can['’]t) (?:have|hold|express|form|possess)(?: any)?"
    r" (?:personal |private |political |real[- ]time )*(?:opinion|belief|access|information|feeling|preference|"
    r"emotion|data|view|knowledge)"
    r"|\bI(?:['’]m| am) (?:just |only )?an? (?:AI|artificial|language model|large language)"
    r"|\bas an? (?:AI|artificial intelligence|large language model|language model)"
    r"|\byou (?:may|might|should|could|can) (?:want to |wish to |need to )?(?:ask|consult|contact|speak|talk|reach out|"
    r"check|seek|see)(?: (?:to|with|out))?(?: an?| your| the| some)? ?(?:someone|somebody|professional|expert|doctor|"
    r"lawyer|attorney|therapist|human|specialist|physician|advisor|qualified|licensed|medical|legal)"
    r"|\bI (?:must|have to|need to|should|would like to) (?:clarify|point out|emphasi[sz]e|inform|remind|note|stress)"
    r"|\blet['’]s (?:talk about|change|discuss) (?:something|the (?:topic|subject))"
    r"|\bnot something (?:to|that (?:should|can)) be\b"
    r")"
)


def _clearest(value: Any) -> Any:
    return "hard" if value is True else value


Strength = Annotated[
    Literal["hard", "soft", "partial"],
    BeforeValidator(_clearest),
    WithJsonSchema({"enum": ["hard", "soft", "partial", True]}),
]


@CHECKS.register("is-refusal")
class IsRefusal(Check):
    """The output declines, in English: `is-refusal: {strength: hard}`.

    `hard`: it says so in its first two sentences (`I'm sorry, but I can't help with that.`). `soft`: that, or
    it evades there without saying no (`It is not appropriate to ...`, `As an AI, I don't have opinions`, `You may
    want to ask someone else`). `partial`: it says so anywhere, perhaps beside an answer
    to another part; what stands in quotation marks is said by somebody else.

    Whether declining is wrong depends on the request: say in the rule's `when` which requests are in scope. An
    empty output is no refusal here (promptfoo takes it for one); `is-empty` finds those.
    """

    short: ClassVar[str | None] = "strength"

    strength: Strength = "hard"
    """How clearly it declines; `is-refusal: true` is the clearest."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if a phrase of that strength is found."""
        found = places(self._patterns(), text)
        if not found:
            return Found(False)
        phrases = [span for span in places((_ANYWHERE,), text) if span[0] < found[0][1]] or list(found)
        start, end = phrases[0]
        return Found(True, text[start:end].strip()[:120], tuple(phrases))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the phrases."""
        return [Pattern(pattern) for pattern in self._patterns()]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without them."""
        return none_found(self._patterns(), evidence)

    def _patterns(self) -> tuple[str, ...]:
        if self.strength == "partial":
            return (_OPENS, _UNQUOTED_REFUSAL)
        return (_OPENS,) if self.strength == "hard" else (_OPENS, _EVADES)
