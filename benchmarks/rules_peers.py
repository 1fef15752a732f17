"""The programs that `rules.py` compares with; each prints one JSON line with its seconds.

python rules_peers.py yardstick CORPUS PROCESSES   decode, and one scan for one literal a row
python rules_peers.py snorkel CORPUS ROWS OUT.npy  Snorkel's PandasLFApplier
python rules_peers.py datasets CORPUS ROWS OUT.npy datasets.map with two processes
"""

import json
import multiprocessing
import os
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Seconds = tuple[float, float]
"""Wall time, and processor time of this process and those that it started and that have ended."""


def _now() -> Seconds:
    times = os.times()
    return time.perf_counter(), times.user + times.system + times.children_user + times.children_system


def _since(then: Seconds) -> Seconds:
    wall, cpu = _now()
    return wall - then[0], cpu - then[1]


def scan(task: tuple[str, int, int]) -> None:
    """Decode every n-th row group and look for one literal."""
    import re2

    path, first, step = task
    pa.set_cpu_count(1)
    literal = re2.Set.SearchSet(re2.Options())
    literal.Add("zqx_absent_literal")
    literal.Compile()
    match = literal.Match
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as parquet:
        groups = list(range(first, parquet.num_row_groups, step))
        columns = ["id", "prompt", "completion"]
        for batch in parquet.iter_batches(5000, row_groups=groups, columns=columns, use_threads=False):
            texts = batch.column(2)
            view = memoryview(texts.buffers()[2])
            edges = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
            for start, end in pairwise(edges.tolist()):
                match(view[start:end])


def yardstick(path: str, processes: int) -> None:
    """Scan with some processes."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(scan, [(path, n, processes) for n in range(processes)], chunksize=1)


def _sample(path: str, n_rows: int) -> pa.Table:
    return pq.ParquetFile(path).read_row_group(0, columns=["prompt", "completion"]).slice(0, n_rows)


def snorkel(path: str, n_rows: int, out: str) -> Seconds:
    """Apply labelling functions to a data frame; return the seconds without start-up and reading."""
    from rules_set import functions
    from snorkel.labeling import LabelingFunction, PandasLFApplier

    def labelling(name: str, vote: Any) -> Any:
        return LabelingFunction(name, lambda row: vote(row.prompt, row.completion))

    frame = _sample(path, n_rows).to_pandas()
    applier = PandasLFApplier([labelling(name, vote) for name, vote in functions().items()])
    started = _now()
    votes = applier.apply(frame, progress_bar=False)
    seconds = _since(started)
    np.save(out, votes)
    return seconds


def _vote_batch(batch: dict[str, list[str]]) -> dict[str, list[int]]:
    from rules_set import functions

    made = _MADE or functions()
    _MADE.update(made)
    pairs = list(zip(batch["prompt"], batch["completion"], strict=True))
    votes = [[vote(*pair) for vote in made.values()] for pair in pairs]
    return {name: list(column) for name, column in zip(made, zip(*votes, strict=True), strict=True)}


_MADE: dict[str, Any] = {}


def datasets_map(path: str, n_rows: int, out: str) -> Seconds:
    """Map the functions over batches with two processes; return the seconds without start-up and reading."""
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    dataset = Dataset(_sample(path, n_rows).combine_chunks())
    started = _now()
    done = dataset.map(_vote_batch, batched=True, num_proc=2, remove_columns=["prompt", "completion"])
    seconds = _since(started)
    np.save(out, np.array([done[name] for name in done.column_names]).T)
    return seconds


def main() -> None:
    """Run one peer."""
    name, path, number, *rest = sys.argv[1:]
    if name == "yardstick":
        yardstick(path, int(number))
    else:
        wall, cpu = {"snorkel": snorkel, "datasets": datasets_map}[name](path, int(number), rest[0])
        print(json.dumps({"seconds": wall, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
