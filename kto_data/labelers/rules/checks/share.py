"""What the checks on a share of a text have in common: its bounds."""

from pydantic import Field, model_validator

from kto_data.labelers.rules.checks.check import Check


class Share(Check):
    """A share is within bounds."""

    min: float = Field(default=0, ge=0, le=1)
    """At least this share."""
    max: float = Field(default=1, ge=0, le=1)
    """At most this share."""

    @model_validator(mode="after")
    def _something(self) -> "Share":
        if not {"min", "max"} & self.model_fields_set:
            raise ValueError("needs min, max or both")
        if self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self
