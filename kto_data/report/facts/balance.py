"""The two classes in the dataset."""

from typing import Any, TypedDict

from kto_data.report.facts.figure import Histogram


class Named(TypedDict, total=False):
    """Rows by label of one source or one model."""

    name: str
    desirable: int
    undesirable: int


class ClassCounts(TypedDict, total=False):
    """Rows by label."""

    rows: int
    desirable: int
    undesirable: int


class Balance(TypedDict, total=False):
    """The two classes in the dataset, and the weights that even them out."""

    train: ClassCounts
    test: ClassCounts
    ratio_before: float | None  # n_D / n_U on the training split
    ratio_after: float | None  # w_D n_D / (w_U n_U)
    desirable_weight: float
    undesirable_weight: float
    reason: str  # in words
    by_source: list[Named]
    by_model: list[Named]
    by_language: list[Named]  # of the completions
    by_cluster: list[Named]  # of the prompts
    by_time: list[Named]
    lengths: Histogram | None  # of the completions, in characters
    scores: Histogram | None  # p_desirable
    measures: dict[str, Any]  # `balance.statistics.Mass` by measure
    prompts: dict[str, int]  # n, both, only_desirable, only_undesirable
    weights: dict[str, Any]  # `balance.weights.ClassWeights`
    order: dict[str, Any]  # `balance.order_facts.OrderFacts` of the train split
