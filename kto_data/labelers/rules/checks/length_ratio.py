"""How long a text is beside another one."""

from typing import Literal

from pydantic import Field, model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.length import COUNTERS
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text


@CHECKS.register("length-ratio")
class LengthRatio(Check):
    """The text is too long or too short beside another: `length-ratio: {to: meta.reference, max: 4.0, unit: words}`.

    It holds where the ratio is above `max` or below `min`. Not applicable where the other text is missing or empty.
    """

    to: Scope
    """The other text: a scope, such as `last_user`, or `meta.<column>`."""
    max: float | None = Field(default=None, gt=0)
    """The check holds above this many times its length."""
    min: float | None = Field(default=None, gt=0)
    """The check holds below this many times its length."""
    unit: Literal["chars", "words", "sentences", "lines", "tokens"] = "words"
    """What is counted, as for `length`."""

    @model_validator(mode="after")
    def _in_order(self) -> "LengthRatio":
        if self.max is None and self.min is None:
            raise ValueError("needs min, max or both")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the ratio is out of bounds."""
        other = scope_text(context.row, self.to)
        n_other = COUNTERS[self.unit](other) if other is not None else 0
        if not n_other:
            return Found(None)
        ratio = COUNTERS[self.unit](text) / n_other
        above = self.max is not None and ratio > self.max
        below = self.min is not None and ratio < self.min
        return Found(above or below, f"{ratio:.2f} times the {self.unit} of {self.to}")

    def reads(self) -> frozenset[str]:
        """Return the other text's scope."""
        return frozenset({self.to})
