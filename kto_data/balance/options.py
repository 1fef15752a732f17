"""The `balance:` key of a pipeline."""

from typing import Annotated

from pydantic import AfterValidator

from kto_data.balance.order import OrderKind
from kto_data.balance.row_weights import RowWeightKind
from kto_data.config.validate import Options

DEFAULT_TARGET = (1.0, 1.3333)
"""The KTO paper's range that both of its versions allow (v1, Eq. 8: [1, 4/3]; latest version, Eq. 9: [1, 3/2])."""


def _is_range(target: tuple[float, float]) -> tuple[float, float]:
    low, high = target
    if not 0 < low <= high < float("inf"):
        raise ValueError(
            f"must be two numbers with 0 < low <= high, such as [1.0, 1.3333], not [{low}, {high}]"
        )
    return target


class BalanceOptions(Options):
    """How the train rows are weighted and ordered."""

    target_ratio: Annotated[tuple[float, float], AfterValidator(_is_range)] = DEFAULT_TARGET
    """The range wanted for (desirable_weight x n_desirable) / (undesirable_weight x n_undesirable)."""
    row_weights: RowWeightKind = "uniform"
    """`uniform`: every row counts the same; `confidence`: as much as its label is sure, |2 p_desirable - 1|."""
    order: OrderKind = "shuffled"
    """`shuffled`: by a hash of the row_id with the run's seed."""
