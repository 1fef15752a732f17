"""What `match` and `when` are made of: checks on a scope, and all / any / not / at_least of them.

Three-valued logic (Kleene): a check whose scope the row does not have is neither true nor false. `any` is
true if one part is true, false if all are false, and otherwise not applicable; `all` likewise. Every
part is decided, also where the outcome is already known, so that a fault does not depend on the order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kto_data.labelers.rules.checks.check import Check, Context, Found, attempt, definition
from kto_data.labelers.rules.limits import Captures, RowError
from kto_data.labelers.rules.row import Row, scope_text
from kto_data.labelers.rules.spans import Span


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition comes to in a row.

    Attributes:
        holds: True, False, or None where it does not apply.
        evidence: What was found, for messages.
        spans: Where it was found.
        captures: The values of named groups.
    """

    holds: bool | None
    evidence: str = ""
    spans: tuple[Span, ...] = ()
    captures: Mapping[str, str] = field(default_factory=dict)


Outcomes = list[Outcome | Exception]
"""What a condition comes to in some rows; an exception where it cannot be decided."""


class Condition(Protocol):
    """A check or a composition of conditions."""

    def decide(self, row: Row, captures: Captures) -> Outcome:
        """Return what the condition comes to in a row."""
        ...

    def decide_batch(self, rows: Sequence[Row], captures: Sequence[Captures]) -> "Outcomes":
        """Return for each row what `decide` would return, or what it would raise."""
        ...

    def definition(self) -> dict[str, Any]:
        """Return plain data that is equal exactly for conditions that mean the same."""
        ...

    def leaves(self) -> "Iterator[Leaf]":
        """Yield the checks in it."""
        ...

    def group_names(self) -> frozenset[str]:
        """Return the names that it may capture."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """A check on a scope."""

    name: str
    check: Check
    scope: str

    def decide(self, row: Row, captures: Captures) -> Outcome:
        """Return what the check comes to in the text of its scope."""
        text = self._text(row)
        if text is None:
            return Outcome(None)
        return self._outcome(text, self.check.decide(text, Context(row, self.scope, captures)))

    def decide_batch(self, rows: Sequence[Row], captures: Sequence[Captures]) -> Outcomes:
        """Return what the check comes to in the texts of its scope, asked about all of them at once."""
        outcomes: Outcomes = [Outcome(None)] * len(rows)
        texts = {n: text for n, row in enumerate(rows) if (text := self._text(row)) is not None}
        contexts = [Context(rows[n], self.scope, captures[n]) for n in texts]
        found = self.check.decide_batch(list(texts.values()), contexts)
        for (n, text), one in zip(texts.items(), found, strict=True):
            outcomes[n] = one if isinstance(one, Exception) else self._outcome(text, one)
        return outcomes

    def _text(self, row: Row) -> str | None:
        return scope_text(row, self.scope) if self.check.reads_text else ""

    def _outcome(self, text: str, found: Found) -> Outcome:
        spans = tuple(Span(self.scope, start, end, text[start:end]) for start, end in found.spans)
        return Outcome(found.holds, found.evidence, spans, found.captures if found.holds else {})

    def definition(self) -> dict[str, Any]:
        """Return the check, its options and its scope."""
        return definition(self.name, self.check) | {"scope": self.scope}

    def leaves(self) -> "Iterator[Leaf]":
        """Yield itself."""
        yield self

    def group_names(self) -> frozenset[str]:
        """Return the check's named groups."""
        return self.check.group_names()


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its part does not; not applicable where its part is not."""

    part: Condition

    def decide(self, row: Row, captures: Captures) -> Outcome:
        """Return the opposite of the part; what the part captured is not passed on."""
        return self._opposite(self.part.decide(row, captures))

    def decide_batch(self, rows: Sequence[Row], captures: Sequence[Captures]) -> Outcomes:
        """Return the opposite of the part in each row."""
        outcomes = self.part.decide_batch(rows, captures)
        return [one if isinstance(one, Exception) else self._opposite(one) for one in outcomes]

    def _opposite(self, outcome: Outcome) -> Outcome:
        return Outcome(None if outcome.holds is None else not outcome.holds, outcome.evidence, outcome.spans)

    def definition(self) -> dict[str, Any]:
        """Return the part under `not`."""
        return {"not": self.part.definition()}

    def leaves(self) -> Iterator[Leaf]:
        """Yield the part's checks."""
        return self.part.leaves()

    def group_names(self) -> frozenset[str]:
        """Return nothing: what has to be absent captures nothing."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Holds where at least `n` parts do; `any` is n = 1, and `all` is n = every part."""

    n: int
    parts: tuple[Condition, ...]

    def decide(self, row: Row, captures: Captures) -> Outcome:
        """Return whether enough parts hold, with the evidence of those that do."""
        return self._joined([part.decide(row, captures) for part in self.parts])

    def decide_batch(self, rows: Sequence[Row], captures: Sequence[Captures]) -> Outcomes:
        """Return for each row whether enough parts hold; the first part that failed there, if one did."""
        columns = [part.decide_batch(rows, captures) for part in self.parts]
        return [self._joined_or_failed(outcomes) for outcomes in zip(*columns, strict=True)]

    def _joined_or_failed(self, outcomes: Sequence[Outcome | Exception]) -> Outcome | Exception:
        decided = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        failed = (outcome for outcome in outcomes if isinstance(outcome, Exception))
        return self._joined(decided) if len(decided) == len(outcomes) else next(failed)

    def _joined(self, outcomes: Sequence[Outcome]) -> Outcome:
        true = [outcome for outcome in outcomes if outcome.holds]
        n_possible = sum(outcome.holds is not False for outcome in outcomes)
        holds = True if len(true) >= self.n else None if n_possible >= self.n else False
        told = true if holds else [outcome for outcome in outcomes if outcome.holds is False]
        return Outcome(
            holds,
            ", ".join(dict.fromkeys(outcome.evidence for outcome in told if outcome.evidence)),
            tuple(span for outcome in told for span in outcome.spans),
            _merged(true),
        )

    def definition(self) -> dict[str, Any]:
        """Return the parts and how many of them have to hold."""
        return {"at_least": {"n": self.n, "of": [part.definition() for part in self.parts]}}

    def leaves(self) -> Iterator[Leaf]:
        """Yield the checks of every part."""
        for part in self.parts:
            yield from part.leaves()

    def group_names(self) -> frozenset[str]:
        """Return the names that any part captures."""
        return frozenset().union(*(part.group_names() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Holds where the labelers before left the sample open; only who asks a judge knows, so no row tells it."""

    def decide(self, row: Row, captures: Captures) -> Outcome:
        """Fail: a row does not say what other labelers made of it."""
        raise RowError("whether a sample is unresolved is known when judges are asked")

    def decide_batch(self, rows: Sequence[Row], captures: Sequence[Captures]) -> Outcomes:
        """Fail in every row."""
        return [attempt(self.decide, row, {}) for row in rows]

    def definition(self) -> dict[str, Any]:
        """Return itself."""
        return {"unresolved": True}

    def leaves(self) -> Iterator[Leaf]:
        """Yield nothing: it is no check on a text."""
        yield from ()

    def group_names(self) -> frozenset[str]:
        """Return nothing."""
        return frozenset()


def _merged(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return the captured values; of a name that several parts capture, the first."""
    merged: dict[str, str] = {}
    for outcome in outcomes:
        for name, value in outcome.captures.items():
            merged.setdefault(name, value)
    return merged
