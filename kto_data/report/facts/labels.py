"""Who voted, what the votes came to, and where labelers contradict one another."""

from typing import TypedDict

from kto_data.report.facts.figure import Calibration, Figure


class CardSide(TypedDict, total=False):
    """A labeler's votes for one class, against gold: `votes.report_card.Side` as a dict."""

    precision: Figure | None
    precision_by: str  # gold, or gold and predictions
    recall: Figure | None
    n_votes: int  # on gold samples
    n_gold: int  # gold samples of the class


class Echo(TypedDict, total=False):
    """Another labeler that votes alike."""

    labeler: str
    correlation: float
    n_both: int


class Card(TypedDict, total=False):
    """A labeler's report card: `votes.report_card.ReportCard` as a dict, and what would change without it."""

    n_gold: int
    accuracy: Figure | None  # the share of its votes on gold samples that is right
    n_more: int  # further gold samples, among its votes, that would make that interval +-5%
    desirable: CardSide
    undesirable: CardSide
    calibration: Calibration | None
    echoes: list[Echo]
    constant: bool
    n_flipped: int  # samples whose label would be another without it, of ...
    n_examined: int


class Labeler(TypedDict, total=False):
    """What one labeler did. Votes, not-applicable and faults are four different things."""

    labeler: str
    kind: str  # rule, judge, annotator, feedback
    mode: str  # vote, veto, shadow
    n_desirable: int
    n_undesirable: int
    n_abstain: int
    n_not_applicable: int
    n_faults: int
    coverage: float | None
    overlap: float | None
    conflict: float | None
    agreement_with_truth: Figure | float | None
    card: Card | None


class Round(TypedDict, total=False):
    """A round of labelling that asked only about what was unresolved; counts are of samples unless named otherwise."""

    round: str
    n_unresolved: int
    n_asked_rows: int
    n_votes: int
    n_resolved: int


class Truth(TypedDict, total=False):
    """How many labels agree with a known truth that no labeler saw."""

    n: int
    agree: int
    interval: Figure


class Labels(TypedDict, total=False):
    """What the votes came to, in samples."""

    decided_by: dict[str, int]
    n_desirable: int
    n_undesirable: int
    n_undecided: int
    truth: Truth
    method: str  # whose probabilities they are: the method asked for, or the one it fell back to
    desirable_share: Figure  # of all samples, corrected by gold
    n_gold: int
    n_disputed: int  # samples that wait for adjudication
    rounds: list[Round]
    notes: list[str]  # what was set aside, what the method warns of


class ConflictingPair(TypedDict, total=False):
    """Two labelers of whom one said desirable and the other undesirable, and how many rows of a sample they did so on."""

    desirable: str
    undesirable: str
    n: int


class Conflict(TypedDict, total=False):
    """A row on which labelers contradicted one another."""

    row_id: str
    desirable: list[str]
    undesirable: list[str]
    label: bool | None
    p_desirable: float | None
    decided_by: str
    prompt: str
    completion: str


class Conflicts(TypedDict, total=False):
    """Where labelers contradicted one another."""

    n_samples: int
    n_conflicts: int  # samples with votes both ways
    n_counted: int  # rows that the pairs were counted on
    pairs: list[ConflictingPair]
    examples: list[Conflict]
