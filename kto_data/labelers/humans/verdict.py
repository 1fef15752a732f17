"""What an annotation says. The server checks nothing, so everything is checked here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kto_data.labelers.humans.labeling_config import COMMENT, REASONS, VERDICT
from kto_data.schema import VOTE_NAMES

SKIP = "skip"
_VERDICTS = ("desirable", "undesirable")
VOTE_OF = {**{name: VOTE_NAMES[name] for name in _VERDICTS}, SKIP: VOTE_NAMES["abstain"]}
"""A verdict as a vote: somebody who skips has looked, and abstains."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision.

    Attributes:
        verdict: desirable, undesirable or skip; None when the annotation holds no decision.
        reasons: Why, in the order in which they were ticked.
        comment: The annotator's own words; empty without any.
        problem: Why there is no decision; empty when there is.
    """

    verdict: str | None
    reasons: tuple[str, ...] = ()
    comment: str = ""
    problem: str = ""

    @property
    def reason(self) -> str | None:
        """The reasons and the comment in one text, as a vote carries it."""
        words = ", ".join(self.reasons)
        text = ": ".join(part for part in (words, self.comment) if part)
        return text or None


def read_annotation(annotation: Mapping[str, Any]) -> Verdict:
    """Return what an annotation as the server returns it says.

    >>> read_annotation({"was_cancelled": True, "result": []}).verdict
    'skip'
    >>> read_annotation({"result": []}).problem
    'no verdict was chosen'
    """
    chosen: list[str] = []
    reasons: list[str] = []
    comment = ""
    result = annotation.get("result")
    for part in result if isinstance(result, list) else []:
        name, value = (
            (part.get("from_name"), part.get("value")) if isinstance(part, Mapping) else (None, None)
        )
        if not isinstance(value, Mapping):
            continue
        if name == VERDICT:
            chosen += _texts(value.get("choices"))
        elif name == REASONS:
            reasons += _texts(value.get("choices"))
        elif name == COMMENT:
            comment = "\n".join(_texts(value.get("text")))
    if annotation.get("was_cancelled"):
        return Verdict(SKIP, tuple(reasons), comment)
    if not chosen:
        return Verdict(None, problem="no verdict was chosen")
    if len(set(chosen)) > 1:
        return Verdict(None, problem=f"two verdicts were chosen: {', '.join(chosen)[:80]}")
    if chosen[0] not in _VERDICTS:
        return Verdict(None, problem=f"{chosen[0][:40]!r} is no verdict")
    return Verdict(chosen[0], tuple(reasons), comment)


def _texts(value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for text in values if isinstance(text, str)]


def microseconds(text: str | None) -> int:
    """Return a time of the server's as microseconds since 1970; its texts have no fixed number of digits.

    >>> microseconds("1970-01-01T00:00:01.5Z")
    1500000
    """
    if not text:
        return 0
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def as_time(at: int) -> str:
    """Return microseconds since 1970 as the server writes times.

    >>> as_time(1500000)
    '1970-01-01T00:00:01.500000Z'
    """
    from datetime import timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
