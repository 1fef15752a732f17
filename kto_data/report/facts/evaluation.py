"""Whether the model got better."""

from typing import Any, TypedDict

from kto_data.report.facts.figure import Calibration, Figure, Histogram


class Ranking(TypedDict, total=False):
    """How well a model ranks held-out desirable outputs above undesirable ones."""

    auc: Figure | None
    pair_accuracy: Figure | None


class Desirable(TypedDict, total=False):
    """Desirable share of generated outputs, by one set of labelers.

    `difference` is trained minus reference. Both models answer the same prompts, so a paired interval
    is narrower; without it the page derives one from the two intervals as if they were independent.
    """

    reference: Figure
    trained: Figure
    difference: Figure
    labelers: list[str]
    n_not_judged: int  # prompts on which one of them failed or was not asked


class LabelerOutcome(TypedDict, total=False):
    """Desirable share of generated outputs, by one labeler."""

    labeler: str
    held_out: bool
    reference: Figure | float | None
    trained: Figure | float | None


class MeanLength(TypedDict, total=False):
    """Mean length of generated outputs."""

    reference: float
    trained: float


class Refusals(TypedDict, total=False):
    """Share of generated outputs that refuse."""

    reference: Figure
    trained: Figure
    change: Figure


class RuleGaming(TypedDict, total=False):
    """The gain by the training's labelers minus that by held-out ones."""

    gap: Figure | None
    clear: bool  # the interval lies above 0
    words: str


class Generated(TypedDict, total=False):
    """Outputs generated before and after training, judged by labelers."""

    n_prompts: int
    training_labelers: Desirable
    held_out_labelers: Desirable
    by_labeler: list[LabelerOutcome]
    rule_gaming: RuleGaming
    refusals: Refusals
    length_ratio: Figure | None  # mean words, trained over reference
    kl: dict[str, Any] | None  # a Figure, and its `estimator` in words
    mean_chars: MeanLength
    mean_words: MeanLength


class GeneratedSample(TypedDict, total=False):
    """What the two models answer to one prompt."""

    prompt: str
    reference: str
    trained: str


class Perplexity(TypedDict, total=False):
    """Of held-out desirable rows, over all their tokens."""

    n: int
    reference: float
    trained: float
    ratio: Figure | None


class RewardCalibration(Calibration, total=False):
    """sigma(reward - beta z0) taken for the probability of "desirable"."""

    ece_by_chance: float | None  # what perfect probabilities would have on so few rows
    bins: list[dict[str, Any]]  # n, mean_stated, share


class KeptLimit(TypedDict, total=False):
    """A limit of the gate."""

    figure: str
    found: Figure | None
    min: float | None
    max: float | None
    by: str  # estimate or interval
    passed: bool
    problem: str | None


class Gate(TypedDict, total=False):
    """The regression gate."""

    passed: bool
    limits: list[KeptLimit]
    failures: list[str]


class Evaluation(TypedDict, total=False):
    """Whether the model got better, on held-out prompts."""

    n_rows: int
    n_prompts: int
    labels_from: str
    reference: Ranking  # by mean token log-probability: its implicit reward is 0 by definition
    trained: Ranking  # by implicit reward
    control: Ranking  # by implicit reward, trained on shuffled labels
    generated: Generated
    samples: list[GeneratedSample]
    rewards: Histogram  # implicit rewards of the trained model on held-out rows
    auc_over_control: Figure | None
    calibration: RewardCalibration
    perplexity: Perplexity | None
    gate: Gate
