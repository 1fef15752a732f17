"""What a report is made of: the facts of a run, as plain values that JSON can hold.

Every key is optional; what is missing is left out of the page. None (and NaN, which JSON lacks)
means "looked for, and there is none", and is shown as a dash. Shares are fractions in [0, 1].
The type of each part says what the pipeline has to fill in.
"""

from typing import Any, TypedDict

from kto_data.report.facts.accounting import Accounting, DroppedExample, Lineage, QuarantinedExample
from kto_data.report.facts.balance import Balance
from kto_data.report.facts.evaluation import Evaluation
from kto_data.report.facts.labels import Conflicts, Labeler, Labels
from kto_data.report.facts.training import Training, TrainingRound


class DataTest(TypedDict, total=False):
    """A test of the pipeline's `tests:` list."""

    test: str
    severity: str
    failures: list[str]


class Facts(TypedDict, total=False):
    """All facts of a run."""

    title: str
    pipeline: str
    seed: int
    created_at: str  # ISO 8601
    versions: dict[str, str]
    accounting: Accounting
    quarantined_examples: list[QuarantinedExample]
    balance: Balance
    shortcuts: dict[str, Any]  # `balance.shortcuts.ShortcutAudit`
    conflicts: Conflicts
    dropped_examples: list[DroppedExample]
    tests: list[DataTest]
    labelers: list[Labeler]
    annotators: dict[str, Any]  # `labelers.humans.report.agreement_report`
    labels: Labels
    training: Training
    evaluation: Evaluation
    training_rounds: list[TrainingRound]
    lineage: Lineage
