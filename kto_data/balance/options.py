"""The `balance:` key of a pipeline."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from kto_data.balance.order import OrderKind
from kto_data.balance.row_weights import RowWeights, from_short_form
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
    loss_aversion: float = Field(1.0, ge=0.1, le=10)
    """A choice, not a correction: 2 makes the undesirable class count twice; the range wanted is divided by it."""
    row_weights: Annotated[RowWeights, BeforeValidator(from_short_form)] = RowWeights()
    """`uniform`, `confidence`, or the factors: {confidence: true, source: {a.jsonl: 2}, per_prompt: true}."""
    order: OrderKind = "mixed"
    """`mixed`: any `batch_rows` consecutive rows mix labels and repeat no prompt or completion; `shuffled`: by a hash."""
    batch_rows: int = Field(8, ge=2, le=4096)
    """The rows of a batch as the trainer takes it (per device); only the order depends on it."""
