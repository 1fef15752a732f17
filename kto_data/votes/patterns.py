"""Wide blocks of rule votes straight to bit masks, without a database: what a run of rules alone needs.

A million rows of forty rules are read, sorted by sample and folded in about the time that grouping them
by sample takes. Blocks with anything that needs more (caps, votes about events, long votes) go through `pool`.

Shapes: N samples, R rows, W words of 64 labelers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.votes.standing import WORD

Words = npt.NDArray[np.uint64]
Order = npt.NDArray[np.int64]
_SAMPLES_AT_ONCE = 65_536
_WORD_BYTES = WORD // 8
_ID_BYTES = 32
"""Our sample ids are 32 hexadecimal digits; others sort as text."""


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """The votes of each of the N samples.

    Attributes:
        sample_ids: The samples, sorted.
        up: Words [N, W]; bit m % 64 of word m // 64 is set where labeler m votes desirable.
        down: ... undesirable.
    """

    sample_ids: pa.Array
    up: Words
    down: Words


def read_masks(columns: Mapping[Path, Sequence[tuple[int, str]]], n_labelers: int) -> Masks:
    """Return the votes of wide blocks; a sample's rows are pooled.

    Args:
        columns: For each block the number and the column of each labeler whose votes are meant.
        n_labelers: How many labelers there are.
    """
    n_words = max(1, -(-n_labelers // WORD))
    with ThreadPoolExecutor(1) as beside:  # about as long as the votes take; neither holds the interpreter
        ids = beside.submit(_sorted_ids, list(columns))
        parts = [_fold(block, inside, n_words) for block, inside in columns.items()]
        order_R, id_R = ids.result()
    none = np.zeros((0, n_words), dtype=np.uint64)
    up_RW = np.concatenate([none, *(up for up, _ in parts)])[order_R]
    down_RW = np.concatenate([none, *(down for _, down in parts)])[order_R]
    del parts
    pa.default_memory_pool().release_unused()
    if len(id_R) == 0:
        return Masks(id_R, up_RW, down_RW)
    first_R = np.concatenate([[True], np.asarray(pc.not_equal(id_R[1:], id_R[:-1]))])
    if first_R.all():
        return Masks(id_R, up_RW, down_RW)
    starts = np.flatnonzero(first_R)
    return Masks(
        id_R.take(pa.array(starts)),
        np.bitwise_or.reduceat(up_RW, starts, axis=0),
        np.bitwise_or.reduceat(down_RW, starts, axis=0),
    )


class Entries(NamedTuple):
    """One entry for each (sample, labeler) that voted, sorted by sample, then labeler."""

    sample_V: npt.NDArray[np.int32]
    labeler_V: npt.NDArray[np.int32]
    up_V: npt.NDArray[np.int8]
    down_V: npt.NDArray[np.int8]


def unfold(masks: Masks) -> Entries:
    """Return the entries of masks, with counts of 0 or 1."""
    n_entries = int(np.bitwise_count(masks.up | masks.down).sum(dtype=np.int64))
    entries = Entries(
        np.empty(n_entries, dtype=np.int32),
        np.empty(n_entries, dtype=np.int32),
        np.empty(n_entries, dtype=np.int8),
        np.empty(n_entries, dtype=np.int8),
    )
    start = filled = 0
    for up, down in zip(_pieces(masks.up), _pieces(masks.down), strict=True):
        ups, downs, voted = (
            np.unpackbits(words.view(np.uint8), bitorder="little").view(bool)
            for words in (up, down, up | down)
        )
        at = np.flatnonzero(voted)  # far faster than in two dimensions
        part = slice(filled, filled + len(at))
        sample, labeler = np.divmod(at.astype(np.uint32), np.uint32(WORD * up.shape[1]))
        entries.sample_V[part], entries.labeler_V[part] = sample + np.uint32(start), labeler
        entries.up_V[part], entries.down_V[part] = ups[at], downs[at]
        start, filled = start + len(up), part.stop
    return entries


def _pieces(words: Words) -> Iterator[Words]:
    for start in range(0, len(words), _SAMPLES_AT_ONCE):
        yield np.ascontiguousarray(words[start : start + _SAMPLES_AT_ONCE])


def are_the_samples(ids: pa.Array, samples: Path) -> bool:
    """Return whether a file of samples or rows speaks of exactly these sorted samples."""
    meant = pc.unique(pq.read_table(samples, columns=["sample_id"])["sample_id"])
    return len(meant) == len(ids) and bool(_sorted(meant)[1].equals(ids))


def _fold(block: Path, inside: Sequence[tuple[int, str]], n_words: int) -> tuple[Words, Words]:
    """Return the masks of a block's rows, eight columns at a time, so that no more are in memory."""
    with pq.ParquetFile(block) as file:
        # in bytes of eight labelers, which are folded while they are in the processor's cache
        shape = (n_words * _WORD_BYTES, file.metadata.num_rows)
        up, down = (np.zeros(shape, dtype=np.uint8) for _ in range(2))
        for _, group in groupby(sorted(inside), key=lambda column: column[0] // 8):
            together = list(group)
            table = file.read(columns=[name for _, name in together])
            for m, name in together:
                byte, bit = divmod(m, 8)
                start = 0
                for chunk in table[name].chunks:
                    votes_R = (chunk.fill_null(0) if chunk.null_count else chunk).to_numpy(
                        zero_copy_only=False
                    )
                    rows = slice(start, start + len(votes_R))
                    up[byte, rows] |= (votes_R > 0).view(np.uint8) << bit
                    down[byte, rows] |= (votes_R < 0).view(np.uint8) << bit
                    start = rows.stop
    return _words(up), _words(down)


def _words(planes: npt.NDArray[np.uint8]) -> Words:
    """Return the words of the rows, whose bytes stand in planes, the lowest first."""
    return np.ascontiguousarray(planes.T).view("<u8").astype(np.uint64, copy=False)


def _sorted_ids(blocks: Iterable[Path]) -> tuple[Order, pa.Array]:
    """Return the order of the rows of all blocks by their ids, and the ids in it."""
    ids = [pa.array([], type=pa.string())]
    for block in blocks:
        with pq.ParquetFile(block) as file:
            ids.extend(file.read(columns=["sample_id"])["sample_id"].chunks)
    return _sorted(pa.concat_arrays(ids))


def _sorted(id_R: pa.Array) -> tuple[Order, pa.Array]:
    """Return the order of ids and the ids in it; ids of our length move as blocks of bytes, which takes a fifth."""
    text_R = _blocks_of_bytes(id_R)
    if text_R is None:
        order_R = pc.sort_indices(id_R)
        return np.asarray(order_R.to_numpy(), dtype=np.int64), id_R.take(order_R)
    order = _order(text_R)
    offsets = np.arange(len(id_R) + 1, dtype=np.int32) * np.int32(_ID_BYTES)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text_R.take(order))]
    return order, pa.Array.from_buffers(pa.string(), len(id_R), buffers)


def _blocks_of_bytes(id_R: pa.Array) -> npt.NDArray[np.void] | None:
    """Return ids as blocks of bytes; None where they are not all as long as ours."""
    if not len(id_R) or id_R.type != pa.string() or id_R.null_count:
        return None
    _, offsets, data = id_R.buffers()
    ends_R = np.frombuffer(offsets, dtype=np.int32)[id_R.offset : id_R.offset + len(id_R) + 1]
    if (np.diff(ends_R) != _ID_BYTES).any():
        return None
    return np.frombuffer(data, dtype=f"V{_ID_BYTES}", count=len(id_R), offset=ends_R[0])


def _order(text_R: npt.NDArray[np.void]) -> Order:
    """Return the order of ids: by their first bytes as numbers, and where these are equal by all."""
    words = text_R.view(">u8").reshape(len(text_R), -1)
    first_R = words[:, 0].astype(np.uint64)
    order_R = np.argsort(first_R)
    first_R = first_R[order_R]
    same = first_R[1:] == first_R[:-1]
    tied = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
    rest = words[order_R[tied]].astype(np.uint64)
    order_R[tied] = order_R[tied][np.lexsort(rest.T[::-1])]
    return order_R
