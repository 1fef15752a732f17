"""What checks for ways of speaking share: patterns in RE2's syntax, and where they are found."""

from collections.abc import Sequence
from itertools import islice

from kto_data.labelers.rules.checks.check import MAX_SPANS
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled
from kto_data.texts.patterns import compiled

Span = tuple[int, int]


def places(patterns: Sequence[str], text: str) -> tuple[Span, ...]:
    """Return where any of the patterns is found, in order of the text; at most `MAX_SPANS` a pattern."""
    found = (match.span() for one in patterns for match in islice(compiled(one).finditer(text), MAX_SPANS))
    return tuple(sorted(set(found)))


def n_places(patterns: Sequence[str], text: str) -> int:
    """Return how often the patterns are found, every one counted."""
    return sum(1 for one in patterns for _ in compiled(one).finditer(text))


def none_found(patterns: Sequence[str], evidence: Evidence) -> Settled:
    """Tell it of the texts in which no pattern is found: there the check does not hold."""
    found = evidence.constant(False)
    for one in patterns:
        found |= evidence.matches(Pattern(one))
    return Settled(evidence.constant(False), ~found)
