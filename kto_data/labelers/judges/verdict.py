"""A judge's answer to a verdict, strictly: what is missing, malformed or contradicts itself is an abstention.

Only the judge's own answer is read, as one JSON value and nothing around it but a code fence or a closed thinking
block before it. A verdict that the judge quotes from the material is text inside its reason, or makes the answer
malformed; it never becomes the verdict.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kto_data.labelers.judges.output import Output
from kto_data.labelers.judges.question import Answer
from kto_data.labelers.rules.checks.json_schemas import loads, violation
from kto_data.labelers.rules.limits import RowError
from kto_data.schema import ABSTAIN, DESIRABLE, UNDESIRABLE, VOTE_NAMES

CAUSES = {
    "empty": "the answer has no text",
    "cut_off": "the answer was cut off (`parameters.max_tokens`)",
    "refused": "the model or its provider refused to answer",
    "not_json": "the answer is not one JSON value",
    "wrong_schema": "the JSON has another shape than `output` asks for",
    "no_reason": "there is no reason",
    "no_verdict": "there is no verdict",
    "verdict_first": "the verdict stands before the reason, so it was not reasoned",
    "unknown_verdict": "the verdict is none of those asked for",
    "contradiction": "verdict, score, violations and the reason's end do not say the same",
    "unlikely_words": "the verdict's words are not what the model was about to say",
    "between": "the score lies between the thresholds",
    "said_abstain": "the judge says that it cannot tell",
    "disagreement": "its samples do not agree",
}
"""Why a judge abstained."""

_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL | re.IGNORECASE)
_LAST_WORD = re.compile(r"\b(not\s+)?(desirable|undesirable)[\s.!*]*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer comes to.

    Attributes:
        vote: +1, -1, or 0.
        reason: What the judge said for it; for an abstention with a cause, what is wrong.
        score: In [0, 1] where it is a probability, else as the judge or reward model gives it; None without one.
        cause: Why it abstains, a key of `CAUSES`; None for a verdict.
    """

    vote: int
    reason: str = ""
    score: float | None = None
    cause: str | None = None


class _CauseError(Exception):
    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(cause)
        self.cause, self.detail = cause, detail


def read_verdict(answer: Answer, output: Output, principles: Sequence[str] = ()) -> Verdict:
    """Return the verdict in an answer.

    Args:
        answer: The answer.
        output: What was asked for.
        principles: The ids of which the answer has to name those that are violated; empty for none.
    """
    try:
        if output.logprobs is not None:
            return _of_words(answer, output)
        if answer.score is not None:
            return _by_score(output, answer.score, "")
        return _of_text(answer, output, principles)
    except _CauseError as stopped:
        return Verdict(ABSTAIN, stopped.detail or CAUSES[stopped.cause], None, stopped.cause)


def _of_text(answer: Answer, output: Output, principles: Sequence[str]) -> Verdict:
    if answer.finish_reason == "content_filter":
        raise _CauseError("refused", answer.text[:200])
    if answer.finish_reason == "length":
        raise _CauseError("cut_off", f"cut off after {answer.tokens_out or '?'} tokens")
    if not answer.text.strip():
        raise _CauseError("empty")
    value = _json(answer.text)
    broken = violation(output.schema_text(principles), value)
    if not isinstance(value, dict):
        raise _CauseError("wrong_schema", broken or "should be a JSON object")
    reason = value.get(output.reason)
    if not isinstance(reason, str) or not reason.strip():
        raise _CauseError("no_reason")
    decisive = [key for key in (output.verdict, output.score) if key]
    if all(value.get(key) is None for key in decisive):
        raise _CauseError("no_verdict")
    if broken:
        raise _CauseError("wrong_schema" if _is_known(value, output) else "unknown_verdict", broken)
    places = list(value)
    if any(places.index(key) < places.index(output.reason) for key in decisive if key in places):
        raise _CauseError("verdict_first")
    violated = [str(one) for one in value.get("violations", ())] if principles else []
    said = f"violates {', '.join(violated)}: {reason}" if violated else reason
    verdict = _stated(value, output, said)
    _check_consistent(verdict, reason, violated if principles else None)
    return verdict


def _json(text: str) -> Any:
    """Return the JSON value that a whole text is; nothing is looked for inside other text."""
    text = _THOUGHT.sub("", text, count=1).strip()
    fenced = _FENCED.match(text)
    body = fenced[1] if fenced else text
    try:
        loads(body)  # numbers of any length, no NaN, no bottomless nesting
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RowError) as error:
        raise _CauseError("not_json", f"not one JSON value: {error}"[:200]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _CauseError("contradiction", "a key is given twice")
    return found


def _is_known(value: dict[str, Any], output: Output) -> bool:
    return not output.verdict or output.vote_of(value.get(output.verdict)) is not None


def _stated(value: dict[str, Any], output: Output, reason: str) -> Verdict:
    """Return the verdict that the JSON states, by its word, its score or both."""
    scored = None
    if output.score and value.get(output.score) is not None:
        scored = _by_score(output, float(value[output.score]), reason)
    if not output.verdict or value.get(output.verdict) is None:
        assert scored is not None
        return scored
    name = output.vote_of(value[output.verdict])
    if name is None:
        raise _CauseError("unknown_verdict", f"{str(value[output.verdict])[:80]!r} is no verdict")
    vote = VOTE_NAMES[name]
    if scored is not None and scored.vote * vote < 0:
        raise _CauseError(
            "contradiction",
            f"{output.verdict} is {value[output.verdict]!r} with {output.score} {scored.score}",
        )
    cause = "said_abstain" if vote == ABSTAIN else None
    return Verdict(vote, reason, scored.score if scored else None, cause)


def _by_score(output: Output, score: float, reason: str) -> Verdict:
    assert output.threshold is not None
    vote = output.threshold.vote_on(score)
    return Verdict(vote, reason, score, "between" if vote == ABSTAIN else None)


def _check_consistent(verdict: Verdict, reason: str, violated: list[str] | None) -> None:
    if violated and verdict.vote == DESIRABLE:
        raise _CauseError("contradiction", f"desirable, and violates {', '.join(violated)}")
    if violated == [] and verdict.vote == UNDESIRABLE:
        raise _CauseError("contradiction", "undesirable, and names no principle that is violated")
    last = _LAST_WORD.search(reason)
    if last and verdict.vote != ABSTAIN:
        concluded = DESIRABLE if (last[2].lower() == "desirable") != bool(last[1]) else UNDESIRABLE
        if concluded != verdict.vote:
            raise _CauseError(
                "contradiction", f"the reason ends with {last[0].strip()!r}; the verdict is the opposite"
            )


def _of_words(answer: Answer, output: Output) -> Verdict:
    """Return the verdict of the two words' probabilities: the first's share of both."""
    if answer.word_p is None:
        raise _CauseError("no_verdict")
    assert output.logprobs is not None
    up = sum(answer.word_p.get(word, 0.0) for word in output.logprobs.desirable)
    down = sum(answer.word_p.get(word, 0.0) for word in output.logprobs.undesirable)
    if up + down < output.logprobs.min_mass:
        raise _CauseError("unlikely_words", f"the verdict's words have a probability of {up + down:.3f}")
    return _by_score(output, up / (up + down), f"p_desirable {up / (up + down):.4f}")
