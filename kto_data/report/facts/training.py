"""What was trained, and how it went."""

from typing import TypedDict

from kto_data.report.facts.figure import Figure


class CurvePoint(TypedDict, total=False):
    """One logged training step; a measure that a stage does not have is missing or None."""

    stage: str  # sft, kto, control
    step: int
    loss: float | None
    kl: float | None
    rewards_chosen: float | None  # mean implicit reward of desirable rows
    rewards_rejected: float | None  # ... and of undesirable rows


class Training(TypedDict, total=False):
    """What was trained, and how it went."""

    model: str  # what the first round started from
    n_parameters: int
    seconds: float  # of all rounds
    curves: list[CurvePoint]  # of the last round


class TrainingRound(TypedDict, total=False):
    """A round of training; from the second on with answers of the model before among its rows."""

    round: int
    n_train: int
    n_answers: int
    n_desirable: int  # of the answers
    n_undesirable: int
    figures: dict[str, Figure | None]
