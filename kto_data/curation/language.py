"""Texts in other languages than are wanted."""

from typing import ClassVar, Self

import pyarrow as pa
from pydantic import Field, model_validator

from kto_data.curation.near_rows import text_sql
from kto_data.curation.step import DROPS, STEPS, Step, StepInput
from kto_data.tables import read_query
from kto_data.texts.languages import Languages, language_of

_ROWS_PER_BATCH = 1024


@STEPS.register("language")
class Language(Step):
    """Drops rows whose completion is surely in another language than it should be in.

    Where it cannot be told (too few letters, code alone, or less sure than `min_confidence`), the row stays; how many
    those are stands in the run's manifest (`n_not_told`). Languages are ISO 639 codes; 176 are known.

        prepare: [{language: en}]
        prepare: [{language: {is: [en, de]}}, {language: {same_as_prompt: true}}]

    Memory: one batch of rows.
    """

    shorthand: ClassVar[str] = "is"

    is_: Languages | None = Field(default=None, alias="is", min_length=1)
    """The language, or languages of which one is enough."""
    same_as_prompt: bool = False
    """The completion has to be in the language of its prompt."""
    min_confidence: float = Field(default=0.6, ge=0.0, le=1.0)
    """How sure the detector has to be, of both texts with `same_as_prompt`."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.is_ is None) == (not self.same_as_prompt):
            raise ValueError("needs either is or same_as_prompt: true")
        return self

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows in another language; the detail names both."""
        query = (
            f"SELECT row_id, {text_sql('prompt')} AS prompt, {text_sql('completion')} AS completion FROM rows"  # noqa: S608 - expressions of ours
        )
        dropped: list[dict[str, str]] = []
        n_not_told = 0
        for batch in read_query(given.connection, query, batch_rows=_ROWS_PER_BATCH):
            texts = (batch[name].to_pylist() for name in ("row_id", "prompt", "completion"))
            for row_id, prompt, completion in zip(*texts, strict=True):
                found = self._sure(completion)
                wanted = self.is_ or self._sure(prompt)
                if found is None or wanted is None:
                    n_not_told += 1
                elif found[0] not in wanted:
                    detail = f"{found[0]}, not {' or '.join(wanted)}"
                    dropped.append({"row_id": row_id, "reason": "other_language", "detail": detail})
        given.facts["n_not_told"] = n_not_told
        return pa.Table.from_pylist(dropped, schema=DROPS)

    def _sure(self, text: str) -> tuple[str] | None:
        found = language_of(text)
        return (found[0],) if found is not None and found[1] >= self.min_confidence else None
