"""Rules on the first rows of data files: what they cost there, and what they find."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kto_data.labelers.rules.bench import Costs, bench
from kto_data.labelers.rules.load import load_rules
from kto_data.pipeline.rule_tools.firing import count_firing
from kto_data.pipeline.rule_tools.on_data import fetch_rows, ids_at, read_rows, vote_on
from kto_data.pipeline.rule_tools.report import example
from kto_data.readers import ReadEntry

_MOST_ROWS = 20_000
_BATCH_ROWS = 2_000


def costs_on(refs: Sequence[str], files: ReadEntry, *, seconds: float) -> Costs:
    """Return what rules cost on the first rows of data files.

    Raises:
        InputError: A file cannot be read, or has mistakes.
    """
    rules = load_rules(refs, base=Path())
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as name:
        rows = read_rows(files, Path(name))
        batches, n_rows = [], 0
        with pq.ParquetFile(rows.path) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
                batches.append(batch)
                n_rows += batch.num_rows
                if n_rows >= _MOST_ROWS:
                    break
        return bench(rules, batches, seconds=seconds)


def explained_votes(
    refs: Sequence[str], files: ReadEntry, *, n: int, seed: int = 0
) -> dict[str, list[dict[str, Any]]]:
    """Return for each rule up to `n` rows on which it fires, drawn at random, with what it found there."""
    rules = load_rules(refs, base=Path())
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as name:
        rows = read_rows(files, Path(name))
        on_data = vote_on(rules, rows.path, Path(name), workers=1)
        drawn = count_firing(on_data, (), n_drawn=n, n_others=0, seed=seed).drawn
        ids = ids_at(rows.path, [place for some in drawn for place in some])
        found = fetch_rows(rows.path, list(ids.values()), Path(name))
        return {
            rule.id: [example(rule, found[ids[place]]) for place in some]
            for rule, some in zip(rules.rules, drawn, strict=True)
        }
