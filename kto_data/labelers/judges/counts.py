"""What a judge at work has done, counted as it goes."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from kto_data.labelers.judges.asking.answers import AnswerCounts
from kto_data.labelers.judges.outcome import RowOutcome
from kto_data.schema import DESIRABLE, UNDESIRABLE


@dataclass
class JudgeCounts:
    """What a judge did; every row is in exactly one of the first four.

    Attributes:
        n_voted: Rows with a vote, abstentions included (of a judge with several voters: with all of theirs).
        n_faults: Rows on which it failed.
        n_passing: Of those, rows that may get an answer when they are asked about again.
        n_not_applicable: Rows that it is not for (`when`), or of which nothing was recorded.
        n_unsent: Rows that were not asked about: the budget is spent, or nothing was to be sent.
        n_desirable: Votes.
        n_undesirable: Votes.
        causes: Abstentions by cause.
        faults: Faults by reason, up to its first colon.
        reasons: The first fault in full.
        unsent: Why rows were not asked about.
        n_stored: Answers from the cache.
        n_new: Answers that were asked for now.
        cost_usd: What the new ones cost.
        tokens_in: What they read.
        tokens_out: What they wrote.
        events: What happened on the way to them.
    """

    n_voted: int = 0
    n_faults: int = 0
    n_passing: int = 0
    n_not_applicable: int = 0
    n_unsent: int = 0
    n_desirable: int = 0
    n_undesirable: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    unsent: Counter[str] = field(default_factory=Counter)
    n_stored: int = 0
    n_new: int = 0
    cost_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    events: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: RowOutcome) -> None:
        """Count what became of one row."""
        if outcome.fault is not None:
            self.n_faults += 1
            self.n_passing += outcome.may_pass
            self.reasons = self.reasons or [outcome.fault]
            self.faults[outcome.fault.partition(":")[0]] += 1
        elif outcome.unsent is not None:
            self.n_unsent += 1
            self.unsent[outcome.unsent] += 1
        elif not outcome.votes:
            self.n_not_applicable += 1
        else:
            self.n_voted += 1
            self.n_desirable += sum(vote["vote"] == DESIRABLE for vote in outcome.votes)
            self.n_undesirable += sum(vote["vote"] == UNDESIRABLE for vote in outcome.votes)
            self.causes.update(outcome.causes)

    def take(self, answers: AnswerCounts) -> None:
        """Take over where answers came from so far, and what they cost."""
        self.n_stored, self.n_new, self.cost_usd = answers.n_stored, answers.n_new, answers.cost_usd
        self.tokens_in, self.tokens_out = answers.tokens_in, answers.tokens_out

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}
