"""Keeps the tokens of a dataset's rows beside it, so that a large dataset starts to train in seconds.

`DATASET/.cache/tokens/<key>.parquet` has one row for each of the split's, in its order: `prompt` and `completion` (token
ids, cut to the length) and what was cut. The key covers the dataset's manifest, the tokenizer with its chat template, and
the length; a file that does not fit or cannot be read is made again.
"""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder, Fitted, Tokens
from kto_trainer.identity import CACHE
from kto_trainer.output import write_parquet

VERSION = 1  # of how rows become tokens: higher with every change to it
MIN_ROWS = 2000  # below, encoding takes less time than it is worth keeping


def fitted_rows(split: Split, encoder: Encoder) -> list[Fitted]:
    """The split's rows in tokens, cut to the length: from the cache, else encoded and kept (if there are many)."""
    path = cache_file(split, encoder) if len(split.rows) >= MIN_ROWS else None
    if path is not None and path.is_file():
        try:
            found = _read(path)
        except (pa.ArrowException, OSError, KeyError):
            found = []
        if len(found) == len(split.rows):
            return found
    fitted = [
        encoder.fit(tokens)
        for tokens in encoder.encode_all((row.prompt, row.completion) for row in split.rows)
    ]
    if path is not None:
        try:
            _write(path, fitted)
        except OSError:
            path.unlink(missing_ok=True)  # a folder that may not be written: the next run encodes again
    return fitted


def cache_file(split: Split, encoder: Encoder) -> Path | None:
    """Where these tokens are kept; None for a tokenizer whose content cannot be hashed."""
    inner = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if inner is None:
        return None
    tokenizer = encoder.tokenizer
    parts = [
        str(VERSION),
        split.manifest_sha256,
        split.name,
        inner.to_str(),
        str(tokenizer.chat_template),
        str((tokenizer.bos_token_id, tokenizer.eos_token_id, encoder.max_length)),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return split.folder / CACHE / "tokens" / f"{digest}.parquet"


def _read(path: Path) -> list[Fitted]:
    table = pq.read_table(path).combine_chunks()
    sides = [_lists(table.column(name)) for name in ("prompt", "completion")]
    cuts = [table.column(name).to_pylist() for name in ("prompt_cut", "completion_cut")]
    return [
        Fitted(Tokens(prompt, completion), prompt_cut, completion_cut)
        for prompt, completion, prompt_cut, completion_cut in zip(*sides, *cuts, strict=True)
    ]


def _lists(column: pa.ChunkedArray) -> list[list[int]]:
    """A column of lists as lists; far faster than pyarrow's own way."""
    found = []
    for chunk in column.chunks:
        values = chunk.flatten().to_numpy().tolist()
        offsets = np.asarray(chunk.offsets) - chunk.offsets[0].as_py()
        found += [values[start:end] for start, end in pairwise(offsets.tolist())]
    return found


def _write(path: Path, fitted: list[Fitted]) -> None:
    ids = pa.list_(pa.int32())
    table = pa.table(
        {
            "prompt": pa.array([item.tokens.prompt for item in fitted], ids),
            "completion": pa.array([item.tokens.completion for item in fitted], ids),
            "prompt_cut": [item.prompt_cut for item in fitted],
            "completion_cut": [item.completion_cut for item in fitted],
        }
    )
    write_parquet(path, table)
