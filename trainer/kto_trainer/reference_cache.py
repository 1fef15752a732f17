"""Keeps the reference's log-probabilities beside the dataset, one row a sequence: computed once, ever.

A folder `<cache>/<key of the model>/` holds Parquet parts with the columns `sequence` (16 bytes: hash of the token ids and
of the border between prompt and completion), `logp` (sum over the completion, nats) and, for losses that need it,
`token_logps`. Nothing in a key depends on learning rate, beta, order or output folder; tokenizer and chat template act
through the token ids. A grown dataset adds a part with its new sequences. Parts are written under a temporary name and
renamed, so a killed run leaves whole parts only.
"""

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward
from kto_trainer.objective import Reference
from kto_trainer.output import write_parquet
from kto_trainer.packing import n_read
from kto_trainer.ranks import Ranks
from kto_trainer.reference import compute

FLUSH_S = 30.0  # a killed run loses at most so much work


@dataclass(slots=True)
class ReferenceLogps:
    """The reference's log-probabilities of all sequences of a run, in the order that they were asked for."""

    sums: Tensor
    tokens: list[Tensor] | None
    n_computed: int
    n_cached: int

    def pick(self, numbers: Sequence[int]) -> Reference:
        """Those of some sequences."""
        chosen = list(numbers)
        return Reference(self.sums[chosen], None if self.tokens is None else [self.tokens[i] for i in chosen])


def sequence_key(sequence: Tokens) -> bytes:
    """16 bytes that stand for the tokens and the border between prompt and completion."""
    ids = np.array([len(sequence.prompt), *sequence.prompt, *sequence.completion], dtype=np.int64)
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()


def reference_logps(
    forward: Forward, sequences: Sequence[Tokens], by_token: bool, cache: Path | None, ranks: Ranks
) -> ReferenceLogps:
    """The log-probabilities of the sequences under the model as it is now: from the cache, else computed and kept.

    Args:
        forward: The reference.
        sequences: What the run will ask for; equal ones are computed once.
        by_token: Keep each token's too.
        cache: Folder for this very model, dtype and device type; None keeps nothing.
        ranks: Each process computes a share; all get everything.
    """
    keys = [sequence_key(item) for item in sequences]
    number_of = {key: number for number, key in reversed(list(enumerate(keys)))}
    known = _read(cache, by_token) if cache else {}
    missing = [number for key, number in number_of.items() if key not in known]
    found = {key: known[key] for key in number_of if key in known}
    found |= _compute(
        forward, [sequences[i] for i in missing], [keys[i] for i in missing], by_token, cache, ranks
    )
    sums = torch.tensor([found[key][0] for key in keys], dtype=torch.float64)
    tokens = [torch.from_numpy(found[key][1]) for key in keys] if by_token else None
    return ReferenceLogps(sums, tokens, len(missing), len(number_of) - len(missing))


Logps = tuple[float, np.ndarray]


def _compute(
    forward: Forward,
    sequences: Sequence[Tokens],
    keys: Sequence[bytes],
    by_token: bool,
    cache: Path | None,
    ranks: Ranks,
) -> dict[bytes, Logps]:
    new: dict[bytes, Logps] = {}
    unsaved: list[bytes] = []
    saved_at = time.monotonic()
    mine = ranks.share([n_read(item) for item in sequences])

    def take(numbers: Sequence[int], logps: Sequence[Tensor]) -> None:
        nonlocal saved_at
        for number, values in zip(numbers, logps, strict=True):
            key = keys[mine[number]]
            new[key] = (values.double().sum().item(), values.numpy() if by_token else np.empty(0))
            unsaved.append(key)
        if cache and time.monotonic() - saved_at > FLUSH_S:
            _write(cache, unsaved, new, by_token)
            unsaved.clear()
            saved_at = time.monotonic()

    compute(forward, [sequences[i] for i in mine], take)
    if cache and unsaved:
        _write(cache, unsaved, new, by_token)
    return {key: value for part in ranks.gather(new) for key, value in part.items()}


def _read(folder: Path, by_token: bool) -> dict[bytes, Logps]:
    found: dict[bytes, Logps] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = pq.read_table(path)
            columns = [table.column(name).to_pylist() for name in ("sequence", "logp")]
            tokens: Iterable[np.ndarray | None] = [None] * len(table)
            if "token_logps" in table.column_names:
                tokens = (np.array(values) for values in table.column("token_logps").to_pylist())
        except (pa.ArrowException, OSError, KeyError):
            continue  # damaged: computed again
        for key, logp, values in zip(*columns, tokens, strict=True):
            if not by_token:
                found[key] = (logp, np.empty(0))
            elif values is not None:
                found[key] = (logp, values)
    return found


def _write(folder: Path, keys: Sequence[bytes], logps: dict[bytes, Logps], by_token: bool) -> None:
    table = pa.table(
        {
            "sequence": pa.array(keys, pa.binary(16)),
            "logp": pa.array([logps[key][0] for key in keys], pa.float64()),
        }
    )
    if by_token:
        values = pa.array([logps[key][1] for key in keys], pa.list_(pa.float64()))
        table = table.append_column("token_logps", values)
    write_parquet(folder / f"{uuid.uuid4().hex}.parquet", table)
