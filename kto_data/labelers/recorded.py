"""Votes that were made elsewhere and stand in the input's columns: of rules, judges and annotators."""

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
from pydantic import Field

from kto_data.config.validate import Options
from kto_data.labelers.decision_table import DecisionTable
from kto_data.schema import FAULTS, VOTES
from kto_data.votes.labelers import Labeler, version_of


class Precision(Options):
    """An assumption about how often a labeler is right, used until something better is known."""

    mean: float = Field(gt=0.0, lt=1.0)
    """Expected share of its votes that are right."""
    strength: float = Field(10.0, gt=0.0)
    """How many observed votes the assumption is worth."""


class RecordedVotes(DecisionTable):
    """One labeler whose votes are in the input.

    A null value is "not applicable"; a value that no line of the table fits is a fault.
    """

    labeler: str = Field(min_length=1)
    """Its name, such as `judge:gpt-4` or `human:ann`."""
    kind: Literal["rule", "judge", "annotator", "feedback"]
    mode: Literal["vote", "veto", "shadow"] = "vote"
    about: Literal["content", "event"] = "content"
    """`event` when every occurrence of an output votes anew, as thumbs do."""
    weight: float | None = Field(None, ge=0.0)
    precision: Precision | None = None
    user_column: str | None = None
    """The column that tells who voted, kept with the vote."""
    when: Literal["always", "unresolved"] = "always"
    """`unresolved` when it is to vote only on what the labelers before it left open, as judges and annotators do."""

    def as_labeler(self) -> Labeler:
        """Return the labeler as the `labelers` table has it."""
        definition = self.model_dump(mode="json", include={"columns", "table", "about"})
        return Labeler(
            name=self.labeler,
            version=version_of(definition),
            kind=self.kind,
            mode=self.mode,
            about=self.about,
            weight=self.weight,
            prior_mean=self.precision.mean if self.precision else None,
            prior_strength=self.precision.strength if self.precision else None,
            definition=definition,
        )

    def votes_on(self, batch: pa.RecordBatch) -> tuple[pa.Table, pa.Table]:
        """Return the votes (long) and the faults of a batch of rows."""
        votes, faults = [], []
        users = (
            DecisionTable(columns=[self.user_column], table=[["*", "abstain"]]) if self.user_column else None
        )
        user_values = users.values(batch) if users else [(None,)] * batch.num_rows
        ids = zip(batch["row_id"].to_pylist(), batch["sample_id"].to_pylist(), strict=True)
        for (row_id, sample_id), values, (user,) in zip(ids, self.values(batch), user_values, strict=True):
            try:
                vote = self.vote_on(values)
            except LookupError as error:
                faults.append({"row_id": row_id, "labeler": self.labeler, "error": str(error)})
                continue
            if vote is not None:
                votes.append(self._vote(sample_id, row_id, vote, values, user))
        return pa.Table.from_pylist(votes, schema=VOTES), pa.Table.from_pylist(faults, schema=FAULTS)

    def _vote(
        self, sample_id: str, row_id: str, vote: int, values: tuple[object, ...], user: object
    ) -> dict[str, object]:
        return {
            "sample_id": sample_id,
            "row_id": row_id if self.about == "event" else None,
            "labeler": self.labeler,
            "version": self.as_labeler().version,
            "vote": vote,
            "reason": ", ".join(
                f"{column} = {value}" for column, value in zip(self.columns, values, strict=True)
            ),
            "user": None if user is None else str(user),
        }


def label_recorded(
    labelers: list[RecordedVotes], batches: Iterator[pa.RecordBatch]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the votes and faults of every labeler on every batch."""
    for batch in batches:
        for labeler in labelers:
            yield labeler.votes_on(batch)
