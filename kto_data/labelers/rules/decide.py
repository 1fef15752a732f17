"""One rule on one row: whether it is applicable, whether it fires, and what it votes."""

from collections.abc import Sequence
from dataclasses import dataclass

from kto_data.labelers.rules.checks.check import attempt
from kto_data.labelers.rules.conditions import Outcome, Outcomes
from kto_data.labelers.rules.file_model import LoggedVote
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import Row, column_value, value_text
from kto_data.labelers.rules.rule import Rule
from kto_data.labelers.rules.spans import Span
from kto_data.vote_codes import ABSTAIN, VOTE_NAMES


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
    decision = attempt(_decide, rule, row)
    return _failed(rule, decision) if isinstance(decision, Exception) else decision


def decide_batch(rule: Rule, rows: Sequence[Row]) -> list[Decision]:
    """Return what a rule does with each of the rows, the same as `decide` one row after another.

    A rule with a check that is `batched` asks it about all rows at once: only those where the
    rule is applicable, as `decide` does.
    """
    if isinstance(rule.vote, LoggedVote) or not rule.batched:
        return [decide(rule, row) for row in rows]
    assert rule.match is not None, "a rule without a logged vote has a match"
    everywhere: Outcomes = [Outcome(True)] * len(rows)
    gates = rule.when.decide_batch(rows, [{}] * len(rows)) if rule.when else everywhere
    open_to = {n: gate.captures for n, gate in enumerate(gates) if isinstance(gate, Outcome) and gate.holds}
    outcomes = rule.match.decide_batch([rows[n] for n in open_to], list(open_to.values()))
    decided = dict(zip(open_to, outcomes, strict=True))
    shut = (gate if isinstance(gate, Exception) else Outcome(None) for gate in gates)
    return [_concluded(rule, decided.get(n, gate)) for n, gate in enumerate(shut)]


def _decide(rule: Rule, row: Row) -> Decision:
    applicable = rule.when.decide(row, {}) if rule.when else Outcome(True)
    if not applicable.holds:
        return Decision(rule.id, None, None)
    if isinstance(rule.vote, LoggedVote):
        return _logged(rule, rule.vote, row)
    assert rule.match is not None, "a rule without a logged vote has a match"
    return _voted(rule, rule.match.decide(row, applicable.captures))


def _concluded(rule: Rule, outcome: Outcome | Exception) -> Decision:
    return _failed(rule, outcome) if isinstance(outcome, Exception) else _voted(rule, outcome)


def _failed(rule: Rule, error: Exception) -> Decision:
    reason = str(error) if isinstance(error, RowError) else f"{type(error).__name__}: {error}"
    vote = ABSTAIN if rule.options.on_error == "abstain" else None
    return Decision(rule.id, None, vote, error=reason)


def _voted(rule: Rule, outcome: Outcome) -> Decision:
    if outcome.holds is None:
        return Decision(rule.id, None, None)
    assert isinstance(rule.vote, int), "logged votes are told apart before"
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
