"""Logged values to votes, through a table of patterns."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pyarrow as pa
from pydantic import Field, model_validator

from kto_data.columns import column_values
from kto_data.config.validate import Options
from kto_data.errors import did_you_mean
from kto_data.schema import VOTE_NAMES


class DecisionTable(Options):
    """What the values of some columns mean as a vote.

    >>> table = DecisionTable(columns=["model", "finish_reason"], table=[["*", "length", "undesirable"]])
    >>> table.vote_on(["m", "length"]), table.vote_on(["m", None])
    (-1, None)
    """

    columns: list[str] = Field(min_length=1)
    """The columns that are looked at: those of a row, or `meta.<name>`."""
    table: list[list[str]] = Field(min_length=1)
    """Lines of one pattern a column (`*` and `?` as in file names), then the vote; the first that fits decides."""

    @model_validator(mode="after")
    def _lines_fit(self) -> "DecisionTable":
        for number, line in enumerate(self.table, start=1):
            if len(line) != len(self.columns) + 1:
                raise ValueError(
                    f"line {number} of the table has {len(line)} entries; "
                    f"expected {len(self.columns)} pattern(s) and a vote"
                )
            if line[-1] not in VOTE_NAMES:
                raise ValueError(
                    f"line {number} of the table: {line[-1]!r} is no vote{did_you_mean(line[-1], VOTE_NAMES)}"
                )
        return self

    def vote_on(self, values: Sequence[object]) -> int | None:
        """Return the vote that the values stand for; None (not applicable) when one of them is null.

        Raises:
            LookupError: No line of the table fits.
        """
        if any(value is None for value in values):
            return None
        texts = [_as_text(value) for value in values]
        for *patterns, vote in self.table:
            if all(fnmatchcase(text, pattern) for text, pattern in zip(texts, patterns, strict=True)):
                return VOTE_NAMES[vote]
        given = ", ".join(
            f"{column} = {text[:80]!r}" for column, text in zip(self.columns, texts, strict=True)
        )
        raise LookupError(f"no line of the table fits {given}")

    def values(self, batch: pa.RecordBatch) -> list[tuple[object, ...]]:
        """Return the columns' values, a tuple a row."""
        return list(zip(*(column_values(batch, column) for column in self.columns), strict=True))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
