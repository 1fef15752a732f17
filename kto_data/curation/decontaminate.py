"""Evaluation data among the rows: n-gram overlap, and a queue of likely rephrasings for people to look at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, Field, PrivateAttr

from kto_data.curation.evaluation_texts import (
    EvaluationText,
    NGrams,
    find_evaluation_files,
    read_evaluation_texts,
)
from kto_data.curation.near_rows import Part, text_sql
from kto_data.curation.nearest_texts import REVIEW, nearest_texts
from kto_data.curation.step import DROPS, STEPS, Step, StepInput
from kto_data.tables import read_query, write_parquet

_ROWS_PER_BATCH = 1024
_PARTS: tuple[Part, ...] = ("prompt", "completion")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])]


@STEPS.register("decontaminate")
class Decontaminate(Step):
    """Drops rows that hold a text of evaluation files, and lists those that may rephrase one.

    A row is dropped when its prompt or its completion holds at least `min_overlap` of the n-grams (n consecutive
    words, in lower case, without punctuation) of an evaluation text; one with fewer than n words must be there as a
    whole. Texts with fewer than 5 words do not count, nor n-grams that more than 100 evaluation texts share: they
    are a template's. N-grams are blind to rephrasing, so of the rows that are left the `review` most similar ones
    by TF-IDF cosine stand in `NN_decontaminate_review.parquet` in the step's folder, the likeliest first: look at them.

        curate: [{decontaminate: evals/*.jsonl}]
        curate: [{decontaminate: {against: [evals/*.jsonl, gsm8k.csv], columns: [question], ngram: 13}}]

    Memory: the evaluation texts, about 300 bytes a word of theirs, and one batch of rows.
    """

    shorthand: ClassVar[str] = "against"

    against: Texts = Field(min_length=1)
    """Evaluation files or globs, relative to the pipeline file: JSON lines, JSON, CSV or Parquet."""
    columns: Texts = ()
    """The keys of their records that hold texts; all texts count if none is given."""
    ngram: int = Field(default=8, ge=3, le=50)
    """n; 13 for long texts alone."""
    min_overlap: float = Field(default=0.5, gt=0.0, le=1.0)
    """The share of an evaluation text's n-grams that makes a row contaminated."""
    review: int = Field(default=200, ge=0)
    """The most rows to list for review; 0 makes no list."""
    review_above: float = Field(default=0.5, ge=0.0, le=1.0)
    """The least cosine similarity of a listed row."""

    _files: tuple[Path, ...] = PrivateAttr(default=())

    def find_files(self, folder: Path) -> Self:
        """Find the evaluation files, and read them once to see that they can be used."""
        step = self.model_copy()
        step._files = find_evaluation_files(self.against, folder)
        read_evaluation_texts(step._files, self.columns)
        return step

    @property
    def files(self) -> Sequence[Path]:
        """The evaluation files."""
        return self._files

    def drop(self, given: StepInput) -> pa.Table:
        """Drop contaminated rows; the detail names the file, the record, and the share of its n-grams."""
        texts = read_evaluation_texts(self._files, self.columns)
        grams = NGrams(texts, self.ngram)
        dropped: dict[str, dict[str, str]] = {}
        for batch in self._batches(given):
            for part in _PARTS:
                for row, detail in self._contaminated(batch, part, texts, grams):
                    drop = {"row_id": row, "reason": "contaminated", "detail": detail}
                    dropped.setdefault(row, drop)
        given.facts["n_evaluation_texts"] = len(texts)
        if self.review:
            listed = nearest_texts(
                lambda: self._batches(given),
                _PARTS,
                texts,
                left_out=dropped.keys(),
                most=self.review,
                above=self.review_above,
            )
            write_parquet(given.file("review.parquet"), REVIEW, listed.to_batches())
            given.facts["n_to_review"] = listed.num_rows
        return pa.Table.from_pylist(list(dropped.values()), schema=DROPS)

    def _batches(self, given: StepInput) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(f"{text_sql(part)} AS {part}" for part in _PARTS)
        query = f"SELECT row_id, {columns} FROM rows"  # noqa: S608 - expressions of ours
        yield from read_query(given.connection, query, batch_rows=_ROWS_PER_BATCH)

    def _contaminated(
        self, batch: pa.RecordBatch, part: Part, texts: Sequence[EvaluationText], grams: NGrams
    ) -> Iterator[tuple[str, str]]:
        """Yield each contaminated row with the text that it has most of; of several the first."""
        row_P, text_P, share_P = grams.overlaps(batch[part])
        hits = np.flatnonzero(share_P >= self.min_overlap)
        best = hits[np.lexsort((text_P[hits], -share_P[hits], row_P[hits]))]
        _, firsts = np.unique(row_P[best], return_index=True)
        for hit in best[firsts].tolist():
            text = texts[text_P[hit]]
            yield (
                batch["row_id"][int(row_P[hit])].as_py(),
                f"{share_P[hit]:.0%} of {text.file}, record {text.record}, in the {part}",
            )
