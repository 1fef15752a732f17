"""Thumbs up and down, from a column of the log."""

from typing import Literal

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.labelers.recorded import Precision, RecordedVotes


class Thumbs(Options):
    """A column with a user's verdict on the very output that the row holds.

    Every thumb is a vote about an event: equal outputs pool theirs.
    """

    column: str
    """The column, such as `meta.thumb`; null where nobody pressed."""
    map: dict[str, Literal["desirable", "undesirable", "abstain"]] = Field(
        {"up": "desirable", "down": "undesirable"}, min_length=1
    )
    """What its values mean; another value is a fault."""
    precision: Precision = Precision(mean=0.7)
    """How often a thumb is right; the default is an assumption."""
    weight: float | None = Field(None, ge=0.0)
    user_column: str | None = None
    """The column that tells which user it was."""

    def as_recorded(self) -> RecordedVotes:
        """Return the labeler `thumbs`."""
        return RecordedVotes(
            labeler="thumbs",
            kind="feedback",
            about="event",
            columns=[self.column],
            table=[[value, vote] for value, vote in self.map.items()],
            weight=self.weight,
            precision=self.precision,
            user_column=self.user_column,
        )
