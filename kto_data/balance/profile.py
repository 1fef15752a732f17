"""One pass over the texts of a dataset: what statistics, shortcut audit and histograms need of each row."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from kto_data.balance.clusters import PromptClusters
from kto_data.balance.surface import SAMPLED_ROWS, TEXT_FIELDS, surface, text_of
from kto_data.tables import add_view, database, read_query, write_parquet
from kto_data.texts.languages import language_of

PROFILE = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("completion_key", pa.string(), nullable=False),  # equal for equal completions
        pa.field("prompt_chars", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),  # of the completion
        pa.field("language", pa.string()),  # of the completion
        pa.field("cluster", pa.string(), nullable=False),  # of the prompt
        *TEXT_FIELDS,
    ]
)
"""A row's texts in numbers."""

BYTES_PER_TOKEN = 4
"""Where no tokenizer is at hand: for English text and today's vocabularies about right, and the same for all rows."""

LIKELY = 0.5
"""A text's language is told from this probability on."""

_LANGUAGE_CHARS = 1000
_BATCH = 2000


def write_profile(
    out: Path,
    *,
    rows: Path,
    selection: Path,
    seed: int,
    count_tokens: Callable[[list[str]], list[int]] | None = None,
) -> None:
    """Write the `PROFILE` of the rows of a selection, in the order of their row_ids.

    Surface features but the length are those of a sample of each split, and null for other rows.

    Memory holds a batch, the prompts that clusters are made of, and the sort's keys.

    Args:
        out: Where to write.
        rows: Parquet with `rows_schema`.
        selection: Parquet with `SELECTION`.
        seed: Of the clusters.
        count_tokens: Completion texts to their numbers of tokens; bytes / 4 by default.
    """
    with database(out.parent) as con:
        add_view(con, "rows", rows)
        add_view(con, "selection", selection)
        clusters = PromptClusters.of(_prompt_sample(con, seed), seed=seed)
        query = (
            "SELECT row_id, prompt, completion, md5(CAST(completion AS VARCHAR)) AS completion_key, "  # noqa: S608 - numbers of ours
            f"row_number() OVER (PARTITION BY split ORDER BY md5('{seed}:' || row_id)) <= {SAMPLED_ROWS} AS sampled "
            "FROM rows JOIN (SELECT row_id, split FROM selection) USING (row_id) ORDER BY row_id"
        )
        batches = read_query(con, query, batch_rows=_BATCH)
        write_parquet(out, PROFILE, _profiles(batches, clusters, count_tokens or estimated_tokens))


def estimated_tokens(texts: list[str]) -> list[int]:
    """Return about how many tokens each text has.

    >>> estimated_tokens(["eight by", ""])
    [2, 1]
    """
    return [max(1, round(len(text.encode()) / BYTES_PER_TOKEN)) for text in texts]


def _profiles(
    batches: Iterator[pa.RecordBatch],
    clusters: PromptClusters,
    count_tokens: Callable[[list[str]], list[int]],
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.num_rows:
            continue
        prompts = batch.column("prompt").to_pylist()
        completions = [text_of(messages) for messages in batch.column("completion").to_pylist()]
        columns: dict[str, list[Any]] = {
            "row_id": batch.column("row_id").to_pylist(),
            "completion_key": batch.column("completion_key").to_pylist(),
            "prompt_chars": [sum(len(message["content"]) for message in prompt) for prompt in prompts],
            "n_tokens": count_tokens(completions),
            "language": [_language(text) for text in completions],
            "cluster": clusters.names_of([prompt[-1]["content"] if prompt else "" for prompt in prompts]),
        }
        features: list[dict[str, Any]] = [
            surface(text) if sampled else {"chars": len(text)}
            for text, sampled in zip(completions, batch.column("sampled").to_pylist(), strict=True)
        ]
        columns |= {field.name: [one.get(field.name) for one in features] for field in TEXT_FIELDS}
        yield pa.RecordBatch.from_pydict(columns, schema=PROFILE)


def _language(text: str) -> str | None:
    found = language_of(text[:_LANGUAGE_CHARS])
    return found[0] if found and found[1] >= LIKELY else None  # of a few words it is a guess


def _prompt_sample(con: duckdb.DuckDBPyConnection, seed: int) -> list[str]:
    """The last messages of distinct prompts, at most `PromptClusters.MOST_PROMPTS`, chosen by a hash."""
    found = con.execute(
        "SELECT coalesce(last(prompt[-1].content), '') FROM rows SEMI JOIN selection USING (row_id) "
        "GROUP BY prompt_id ORDER BY md5(? || prompt_id) LIMIT ?",
        [f"{seed}:", PromptClusters.MOST_PROMPTS],
    ).fetchall()
    return [text for (text,) in found]
