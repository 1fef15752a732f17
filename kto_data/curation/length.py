"""Texts that are too long or too short."""

from typing import Self

import pyarrow as pa
from pydantic import Field, model_validator

from kto_data.curation.step import STEPS, Step, StepInput

_CHARS = "coalesce(list_sum(list_transform({}, lambda message: length(message.content))), 0)"


@STEPS.register("length")
class Length(Step):
    """Drops rows by the number of characters (Unicode code points) of their messages' contents.

    prepare: [{length: {max_chars: 20000, max_prompt_chars: 60000}}]
    """

    min_chars: int | None = Field(None, ge=0)
    """The least that a completion must have; 1 drops empty ones."""
    max_chars: int | None = Field(None, ge=0)
    """The most that a completion may have."""
    max_prompt_chars: int | None = Field(None, ge=0)
    """The most that all messages of a prompt together may have."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.min_chars is None and self.max_chars is None and self.max_prompt_chars is None:
            raise ValueError("give at least one of min_chars, max_chars and max_prompt_chars")
        if self.min_chars is not None and self.max_chars is not None and self.min_chars > self.max_chars:
            raise ValueError(f"min_chars ({self.min_chars}) is greater than max_chars ({self.max_chars})")
        return self

    def drop(self, given: StepInput) -> pa.Table:
        """Drop rows outside the limits; a row outside several is dropped for the first of them."""
        limits = [
            ("prompt_too_long", "prompt_chars", ">", self.max_prompt_chars, "at most"),
            ("completion_too_long", "chars", ">", self.max_chars, "at most"),
            ("completion_too_short", "chars", "<", self.min_chars, "at least"),
        ]
        cases = [
            (f"WHEN {size} {sign} {limit} THEN ", f"'{reason}'", f"{size} || ' characters, {words} {limit}'")
            for reason, size, sign, limit, words in limits
            if limit is not None
        ]
        reasons = " ".join(when + reason for when, reason, _ in cases)
        details = " ".join(when + detail for when, _, detail in cases)
        sizes = f"SELECT row_id, {_CHARS.format('completion')} AS chars, {_CHARS.format('prompt')} AS prompt_chars FROM rows"  # noqa: S608 - column names of ours
        return given.drops(
            f"SELECT row_id, CASE {reasons} END AS reason, CASE {details} END AS detail FROM ({sizes}) WHERE reason IS NOT NULL"  # noqa: S608 - words and integers of ours
        )
