"""Keeps the reference's log-probabilities beside the dataset, one row a sequence: computed once, ever.

A folder `<cache>/<key of the model>/` holds Parquet parts with the columns `sequence` (16 bytes: hashes of the token ids
of prompt and completion), `logp` (sum over the completion, nats) and, for losses that need it, `token_logps`. Nothing in
a key depends on learning rate, beta, order or output folder; tokenizer and chat template act through the token ids. A
grown dataset adds a part with its new sequences. Parts are written under a temporary name and renamed, so a killed run
leaves whole parts only. In memory a sequence takes 44 bytes. Shapes: S sequences, K distinct ones, M missing ones.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from kto_trainer.flat_file import FlatFile
from kto_trainer.forward import Forward
from kto_trainer.objective import Reference
from kto_trainer.output import partial, write_parquet
from kto_trainer.ranks import Ranks
from kto_trainer.reference import compute
from kto_trainer.sequences import Sequences, numbered

FLUSH_S = 30.0  # a killed run loses at most so much work
WINDOW_PASSES = 4  # passes' worth of sequences that are in memory at a time
WINDOW_ROWS = 4096
READ_ROWS = 65536


class _TokenLogps:
    """Each token's log-probability of K sequences, in a temporary file."""

    def __init__(self, n_sequences: int) -> None:
        self._values = FlatFile.temporary(np.float64)
        self._start_K = np.zeros(n_sequences, np.int64)
        self._count_K = np.zeros(n_sequences, np.int32)

    def put(self, number: int, values: np.ndarray) -> None:
        self._start_K[number], self._count_K[number] = self._values.append(values), len(values)

    def get(self, number: int) -> torch.Tensor:
        found = self._values.read(int(self._start_K[number]), int(self._count_K[number]))
        return torch.from_numpy(found.copy())


@dataclass(slots=True, eq=False)
class ReferenceLogps:
    """The reference's log-probabilities of all sequences of a run."""

    number_S: np.ndarray  # of each sequence among the distinct ones
    sums_K: np.ndarray
    known_K: np.ndarray
    tokens: _TokenLogps | None
    n_computed: int = 0

    @property
    def n_cached(self) -> int:
        """Distinct sequences that were known before."""
        return len(self.sums_K) - self.n_computed

    def sums(self) -> np.ndarray:
        """The sums of all sequences, in the order that they were asked for; nats; [S]."""
        return np.take(self.sums_K, self.number_S)

    def pick(self, numbers: Sequence[int] | np.ndarray) -> Reference:
        """Those of some sequences."""
        chosen = self.number_S[np.asarray(numbers, np.int64)]
        tokens = None if self.tokens is None else [self.tokens.get(k) for k in chosen.tolist()]
        return Reference(torch.from_numpy(self.sums_K[chosen]), tokens)

    def put(self, number: int, logp: float, values: np.ndarray | None) -> None:
        """Take what is known of the distinct sequence of this number."""
        self.sums_K[number], self.known_K[number] = logp, True
        if self.tokens is not None and values is not None:
            self.tokens.put(number, values)


def reference_logps(
    forward: Forward,
    sequences: Sequences,
    by_token: bool,
    cache: Path | None,
    ranks: Ranks,
    say: Callable[[str], None] = lambda _: None,
) -> ReferenceLogps:
    """The log-probabilities of the sequences under the model as it is now: from the cache, else computed and kept.

    Args:
        forward: The reference.
        sequences: What the run will ask for; equal ones are computed once.
        by_token: Keep each token's too.
        cache: Folder for this very model, dtype and device type; None keeps nothing.
        ranks: Each process computes a share; all get everything.
        say: Takes messages for people: the cache is a help, and a run does not end with it.
    """
    hashes = sequences.hashes()
    keys_S2 = hashes.keys()
    number_S, first_K = numbered(keys_S2)
    n_distinct = len(first_K)
    found = ReferenceLogps(
        number_S,
        np.zeros(n_distinct),
        np.zeros(n_distinct, bool),
        _TokenLogps(n_distinct) if by_token else None,
    )
    keys_K2 = keys_S2[first_K]
    if cache:
        _read(cache, keys_K2, found)
    ranks.barrier()  # no process adds to the cache before all have read it: all must miss the same sequences
    missing = np.flatnonzero(~found.known_K)
    # Those with the same prompt lie together, so that it is read once.
    missing = missing[np.lexsort(hashes.prompts_S2[first_K[missing]].T)]
    lengths_M = hashes.lengths_S[first_K[missing]]
    windows = list(_windows(missing, lengths_M, forward.limits.tokens * WINDOW_PASSES))
    del hashes, keys_S2, lengths_M  # some fifty bytes a sequence
    part = _Part(cache, keys_K2, by_token, say)
    for at in range(0, len(windows), ranks.size):
        mine = windows[at + ranks.number] if at + ranks.number < len(windows) else missing[:0]
        values = [
            item.numpy() for item in compute(forward, [sequences[int(first_K[k])] for k in mine], ranks)
        ]
        sums = [float(item.sum(dtype=np.float64)) for item in values]
        part.add(mine.tolist(), sums, values)
        shared = (mine.tolist(), sums, values if by_token else [None] * len(sums))
        for numbers, logps, tokens in ranks.gather(shared):
            for number, logp, by in zip(numbers, logps, tokens, strict=True):
                found.put(number, logp, by)
    part.write()
    found.n_computed = len(missing)
    return found


def _windows(items_M: np.ndarray, lengths_M: np.ndarray, n_tokens: int) -> Iterator[np.ndarray]:
    """The items in runs of at most so many tokens (an item that is longer stays alone) and rows."""
    ends_M = np.cumsum(lengths_M.astype(np.int64))
    start = 0
    while start < len(items_M):
        before = ends_M[start - 1] if start else 0
        end = int(np.searchsorted(ends_M, before + n_tokens, side="right"))
        end = min(max(end, start + 1), start + WINDOW_ROWS)
        yield items_M[start:end]
        start = end


@dataclass(slots=True)
class _Part:
    """What is computed and not yet in the cache; written every `FLUSH_S` seconds."""

    cache: Path | None
    keys_K2: np.ndarray
    by_token: bool
    say: Callable[[str], None]
    numbers: list[int] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    tokens: list[np.ndarray] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def add(self, numbers: list[int], sums: list[float], values: list[np.ndarray]) -> None:
        if self.cache is None:
            return
        self.numbers += numbers
        self.sums += sums
        if self.by_token:
            self.tokens += values
        if time.monotonic() - self.since > FLUSH_S:
            self.write()

    def write(self) -> None:
        if self.cache is None or not self.numbers:
            return
        keys = self.keys_K2[self.numbers].astype("<u8").tobytes()
        table = pa.table(
            {
                "sequence": pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(16), len(self.numbers), [None, pa.py_buffer(keys)]
                ),
                "logp": pa.array(self.sums, pa.float64()),
            }
        )
        if self.by_token:
            table = table.append_column("token_logps", pa.array(self.tokens, pa.list_(pa.float64())))
        path = self.cache / f"{uuid.uuid4().hex}.parquet"
        try:
            write_parquet(path, table)
        except OSError as error:  # a full disk
            partial(path).unlink(missing_ok=True)
            self.say(f"the reference's log-probabilities are not kept any further: {error}")
            self.cache = None
        self.numbers, self.sums, self.tokens, self.since = [], [], [], time.monotonic()


def _read(folder: Path, keys_K2: np.ndarray, found: ReferenceLogps) -> None:
    """Take from the cache's parts what belongs to the keys, which are sorted."""
    by_token = found.tokens is not None
    for path in sorted(folder.glob("*.parquet")):
        try:
            file = pq.ParquetFile(path)
            if by_token and "token_logps" not in file.schema_arrow.names:
                continue
            for batch in file.iter_batches(READ_ROWS if not by_token else 256):
                _take(batch, keys_K2, found)
        except (pa.ArrowException, OSError, KeyError, ValueError):
            continue  # damaged: computed again


def _take(batch: pa.RecordBatch, keys_K2: np.ndarray, found: ReferenceLogps) -> None:
    column = batch.column("sequence")
    keys_M2 = np.frombuffer(column.buffers()[1], "<u8", 2 * len(column), 16 * column.offset).reshape(-1, 2)
    # The first half is unique but for one chance in 2^64 a pair; whoever loses is computed again.
    at_M = np.searchsorted(keys_K2[:, 0], keys_M2[:, 0]).clip(max=len(keys_K2) - 1)
    hit_M = (keys_K2[at_M] == keys_M2).all(1) & ~found.known_K[at_M]
    if found.tokens is None:
        found.sums_K[at_M[hit_M]] = batch.column("logp").to_numpy()[hit_M]
        found.known_K[at_M[hit_M]] = True
        return
    sums, tokens = batch.column("logp"), batch.column("token_logps")
    for row in np.flatnonzero(hit_M).tolist():
        found.put(int(at_M[row]), sums[row].as_py(), np.array(tokens[row].as_py()))
