"""For each row the evaluation text that it is most like, by words; the likeliest of all as a list for people.

Shapes: D rows of a batch, I evaluation texts, V columns of features.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kto_data.curation.evaluation_texts import EvaluationText
from kto_data.texts.features import Floats, counted, inverse_frequencies, weighted

REVIEW = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),  # cosine of TF-IDF vectors, 0 to 1
        pa.field("part", pa.string(), nullable=False),  # prompt or completion
        pa.field("text", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("evaluation_text", pa.string(), nullable=False),
    ]
)
"""Rows that may rephrase an evaluation text, the likeliest first."""

_SHOWN_CHARS = 1000
_MAX_SHARE = 0.1  # a word in more evaluation texts than this tells little and costs most


def nearest_texts(
    batches: Callable[[], Iterator[pa.RecordBatch]],
    parts: Sequence[str],
    texts: Sequence[EvaluationText],
    *,
    left_out: Collection[str],
    most: int,
    above: float,
) -> pa.Table:
    """Return the rows most like an evaluation text, as `REVIEW`; of equally similar ones those with the smaller row_id.

    Args:
        batches: Yields the rows, `row_id` and one text column for each part, as often as it is called.
        parts: Those columns.
        texts: The evaluation texts.
        left_out: Rows not to list.
        most: How many to list at most.
        above: The least similarity.
    """
    evaluated = counted(pa.array([text.text for text in texts], pa.string()))
    n_with_V = np.bincount(evaluated.indices, minlength=evaluated.shape[1])
    weight_V = _weights(batches, parts, n_with_V, len(texts))
    weight_V[n_with_V > max(_MAX_SHARE * len(texts), 20)] = 0.0
    vectors_VI = weighted(evaluated, weight_V).T.tocsc()
    best: list[dict[str, Any]] = []
    for batch in batches():
        for part in parts:
            similarity_DI = (weighted(counted(batch[part]), weight_V) @ vectors_VI).tocsr()
            best += _candidates(batch, part, similarity_DI, texts, left_out, above)
        # a row is listed once, for what it is most like
        best.sort(key=lambda one: (-one["similarity"], one["row_id"], one["part"]))
        seen: dict[str, dict[str, Any]] = {}
        for one in best:
            seen.setdefault(one["row_id"], one)
        best = list(seen.values())[:most]
    return pa.Table.from_pylist(best, schema=REVIEW)


def _weights(
    batches: Callable[[], Iterator[pa.RecordBatch]], parts: Sequence[str], n_with_V: Any, n_texts: int
) -> Floats:
    """Return the weight of each feature by how many rows and evaluation texts have it."""
    n_with_V = n_with_V.copy()
    for batch in batches():
        for part in parts:
            n_with_V += np.bincount(counted(batch[part]).indices, minlength=len(n_with_V))
            n_texts += batch.num_rows
    return inverse_frequencies(n_with_V, n_texts)


def _candidates(
    batch: pa.RecordBatch,
    part: str,
    similarity_DI: Any,
    texts: Sequence[EvaluationText],
    left_out: Collection[str],
    above: float,
) -> Iterator[dict[str, Any]]:
    for row in np.flatnonzero(np.diff(similarity_DI.indptr)).tolist():
        inside = slice(similarity_DI.indptr[row], similarity_DI.indptr[row + 1])
        # rounded before they are compared, so that the last digits of a sum decide nothing
        values = similarity_DI.data[inside].round(6)
        place = np.lexsort((similarity_DI.indices[inside], -values))[0]
        row_id = batch["row_id"][row].as_py()
        if values[place] < above or row_id in left_out:
            continue
        text = texts[similarity_DI.indices[inside][place]]
        yield {
            "row_id": row_id,
            "similarity": min(float(values[place]), 1.0),
            "part": part,
            "text": batch[part][row].as_py()[:_SHOWN_CHARS],
            "file": text.file,
            "record": text.record,
            "evaluation_text": text.text[:_SHOWN_CHARS],
        }
