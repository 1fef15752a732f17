"""One rule on one row: whether it is applicable, whether it fires, and what it votes."""

from dataclasses import dataclass

from kto_data.labelers.rules.conditions import Outcome
from kto_data.labelers.rules.file_model import LoggedVote
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import Row, column_value, value_text
from kto_data.labelers.rules.rule import Rule
from kto_data.labelers.rules.spans import Span
from kto_data.schema import ABSTAIN, VOTE_NAMES


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule did with a row.

    Attributes:
        rule: The rule's id.
        fired: True, False, or None where it is not applicable or failed.
        vote: +1, -1 or 0; None where it is not applicable or failed.
        message: The rule's message with what was found, where it fired.
        evidence: What was found, also where it did not fire.
        spans: Where it was found.
        error: Why it failed; None if it did not.
    """

    rule: str
    fired: bool | None
    vote: int | None
    message: str = ""
    evidence: str = ""
    spans: tuple[Span, ...] = ()
    error: str | None = None


def decide(rule: Rule, row: Row) -> Decision:
    """Return what a rule does with a row; its failure is part of the answer, not an exception."""
    try:
        return _decide(rule, row)
    except RowError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is this rule's fault on this row alone
        reason = f"{type(error).__name__}: {error}"
    vote = ABSTAIN if rule.options.on_error == "abstain" else None
    return Decision(rule.id, None, vote, error=reason)


def _decide(rule: Rule, row: Row) -> Decision:
    applicable = rule.when.decide(row, {}) if rule.when else Outcome(True)
    if not applicable.holds:
        return Decision(rule.id, None, None)
    if isinstance(rule.vote, LoggedVote):
        return _logged(rule, rule.vote, row)
    assert rule.match is not None, "a rule without a logged vote has a match"
    outcome = rule.match.decide(row, applicable.captures)
    if outcome.holds is None:
        return Decision(rule.id, None, None)
    vote = rule.vote if outcome.holds else VOTE_NAMES[rule.options.otherwise]
    message = rule.options.message.replace("{match}", outcome.evidence) if outcome.holds else ""
    return Decision(rule.id, outcome.holds, vote, message, outcome.evidence, outcome.spans)


def _logged(rule: Rule, logged: LoggedVote, row: Row) -> Decision:
    value = value_text(column_value(row, logged.column))
    if value is None:
        return Decision(rule.id, None, None)
    if value not in logged.map:
        known = ", ".join(logged.map)
        raise RowError(f"{logged.column} is {value[:60]!r}, which is not in the map ({known})")
    vote = VOTE_NAMES[logged.map[value]]
    message = rule.options.message.replace("{match}", value) if vote else ""
    return Decision(rule.id, vote != ABSTAIN, vote, message, value)
