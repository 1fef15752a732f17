"""What follows from candidates once they are verified: the pairs that are near, what to keep of them, and clusters.

Shapes: N rows, E entries of rows in buckets, P pairs.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kto_data.texts.near import Buckets
from kto_data.texts.shingle_sets import ShingleSets
from kto_data.texts.words import I64

_MAX_PAIRS = 1 << 18
_ROWS_AT_A_TIME = 512


class Pairs(NamedTuple):
    """Pairs of near rows.

    Attributes:
        first_P: The row that precedes.
        second_P: The other one.
        similarity_P: Jaccard similarity; of several texts, the least.
    """

    first_P: I64
    second_P: I64
    similarity_P: npt.NDArray[np.float64]


def near_pairs(
    found: Buckets, sets: ShingleSets, threshold: float, keys_NB: npt.NDArray[np.uint32]
) -> Iterator[Pairs]:
    """Yield every candidate pair that is near, once."""
    ends_E = np.repeat(found.start[1:], np.diff(found.start))
    for first_P, second_P, entry_P in _enumerate(found.row_E, ends_E, np.arange(len(found.row_E)) + 1):
        # of the bands that they share, the first one speaks for the pair
        is_first_P = (keys_NB[first_P] == keys_NB[second_P]).argmax(axis=1) == found.band_E[entry_P]
        yield _verified(first_P[is_first_P], second_P[is_first_P], sets, threshold)


def keep_first(found: Buckets, sets: ShingleSets, threshold: float) -> Pairs:
    """Return the rows to leave out (`second_P`), each with a kept one that it is near to (`first_P`).

    Rows are gone through in their order, and one is kept unless it is near a kept one. So of what is kept no two are
    near, and whatever is left out has a near one that is kept: nothing is left out for being near to something that
    is left out itself, as with clusters.
    """
    buckets_of = _buckets_by_row(found)
    known = _Known(found, sets, threshold)
    kept_in: dict[int, list[int]] = {}
    kept: set[int] = set()
    dropped: list[tuple[int, int, float]] = []
    rows = found.rows.tolist()
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        block = rows[start : start + _ROWS_AT_A_TIME]
        known.look_ahead(block, buckets_of, kept_in)
        for row in block:
            near = known.near(row, kept)
            if not near:
                inside = buckets_of.get(row, ())
                known.check(row, {other for bucket in inside for other in kept_in.get(bucket, ())})
                near = known.near(row, kept)
            if near:
                first, similarity = near
                dropped.append((first, row, similarity))
                continue
            kept.add(row)
            for bucket in buckets_of.get(row, ()):
                kept_in.setdefault(bucket, []).append(row)
    return _pairs(dropped)


class _Known:
    """Similarities that have been looked up, of rows to those that precede them.

    Each row is compared with the first of its buckets, all rows at once. Where that settles nothing, the row is compared
    with what else may be kept in its buckets, a block of rows at a time.
    """

    def __init__(self, found: Buckets, sets: ShingleSets, threshold: float) -> None:
        self._sets, self._threshold = sets, threshold
        first_P, second_P = _with_leaders(found)
        order = np.argsort(second_P, kind="stable")
        first_P, second_P = first_P[order], second_P[order]
        self._leaders = Pairs(first_P, second_P, sets.similarities(first_P, second_P))
        self._known: dict[int, dict[int, float]] = {}

    def look_ahead(
        self, block: list[int], buckets_of: dict[int, list[int]], kept_in: dict[int, list[int]]
    ) -> None:
        """Compare the rows of a block with those that may come to be asked about."""
        self._known = {row: {} for row in block}
        start, end = np.searchsorted(self._leaders.second_P, (block[0], block[-1] + 1))
        leaders = (column[start:end].tolist() for column in self._leaders)
        for first, second, similarity in zip(*leaders, strict=True):
            self._known[second][first] = similarity
        open_in: dict[int, list[int]] = {}
        wanted: dict[int, set[int]] = {}
        for row in block:
            if any(similarity >= self._threshold for similarity in self._known[row].values()):
                continue
            wanted[row] = set()
            for bucket in buckets_of.get(row, ()):
                wanted[row].update(kept_in.get(bucket, ()), open_in.setdefault(bucket, []))
                open_in[bucket].append(row)
        self._look_up(wanted)

    def check(self, row: int, others: set[int]) -> None:
        """Compare a row with others."""
        self._look_up({row: others})

    def near(self, row: int, kept: set[int]) -> tuple[int, float] | None:
        """Return the kept row that is most similar, if it is near; of several the first."""
        near = [
            (-similarity, other)
            for other, similarity in self._known[row].items()
            if similarity >= self._threshold and other in kept
        ]
        if not near:
            return None
        similarity, other = min(near)
        return other, -similarity

    def _look_up(self, wanted: dict[int, set[int]]) -> None:
        pairs = [(other, row) for row, others in wanted.items() for other in others - self._known[row].keys()]
        if not pairs:
            return
        first_P, second_P = np.array(pairs, np.int64).T
        for (other, row), similarity in zip(
            pairs, self._sets.similarities(first_P, second_P).tolist(), strict=True
        ):
            self._known[row][other] = similarity


def _buckets_by_row(found: Buckets) -> dict[int, list[int]]:
    """Return the buckets of each row, but for those of two rows: there the first is all that there is to compare with."""
    size = np.diff(found.start)
    is_open_E = np.repeat(size > 2, size)
    bucket_E, row_E = np.repeat(np.arange(len(size)), size)[is_open_E], found.row_E[is_open_E]
    order = np.argsort(row_E, kind="stable")
    rows, starts = np.unique(row_E[order], return_index=True)
    buckets_of = bucket_E[order].tolist()
    ends = [*starts.tolist()[1:], len(buckets_of)]
    return (
        {
            row: buckets_of[start:end]
            for row, start, end in zip(rows.tolist(), starts.tolist(), ends, strict=True)
        }
        if len(rows)
        else {}
    )


def clusters(found: Buckets, sets: ShingleSets, threshold: float, n_rows: int) -> I64:
    """Return for each of N rows the first row of its cluster: rows are in one if a chain of near pairs joins them."""
    edges = _verified(*_with_leaders(found), sets, threshold)
    root_N = _components(n_rows, [edges])
    # what the first of a bucket does not join may be near one another all the same
    bucket_E = np.repeat(np.arange(len(found.start) - 1), np.diff(found.start))
    root_E = root_N[found.row_E]
    order = np.lexsort((found.row_E, root_E, bucket_E))
    row_E, root_E, bucket_E = found.row_E[order], root_E[order], bucket_E[order]
    changes = np.flatnonzero((root_E[1:] != root_E[:-1]) | (bucket_E[1:] != bucket_E[:-1])) + 1
    group_end_E = np.repeat(
        np.append(changes, len(row_E)), np.diff(np.concatenate([[0], changes, [len(row_E)]]))
    )
    ends_E = np.repeat(found.start[1:], np.diff(found.start))
    more = [edges]
    for first_P, second_P, _ in _enumerate(row_E, ends_E, group_end_E):
        more.append(_verified(first_P, second_P, sets, threshold))
    return _components(n_rows, more)


def _enumerate(row_E: npt.NDArray[np.int32], ends_E: I64, from_E: I64) -> Iterator[tuple[I64, I64, I64]]:
    """Yield pairs of each entry with those between two places of its bucket, and the entry."""
    n_E = ends_E - from_E
    total_E = np.cumsum(n_E)
    start = 0
    while start < len(row_E):
        done = total_E[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total_E, done + _MAX_PAIRS, side="right")))
        entry_P = np.repeat(np.arange(start, end), n_E[start:end])
        if len(entry_P):
            within_P = np.arange(len(entry_P)) - (total_E[entry_P] - n_E[entry_P] - done)
            first_P, second_P = (row_E[at].astype(np.int64) for at in (entry_P, from_E[entry_P] + within_P))
            yield np.minimum(first_P, second_P), np.maximum(first_P, second_P), entry_P
        start = end


def _with_leaders(found: Buckets) -> tuple[I64, I64]:
    """Return the pairs of each bucket's first row with its others, every one once."""
    n_others = np.diff(found.start) - 1
    first_P = np.repeat(found.row_E[found.start[:-1]], n_others).astype(np.int64)
    is_other_E = np.ones(len(found.row_E), dtype=bool)
    is_other_E[found.start[:-1]] = False
    pairs = np.unique(first_P << 32 | found.row_E[is_other_E])
    return pairs >> 32, pairs & 0xFFFFFFFF


def _verified(first_P: I64, second_P: I64, sets: ShingleSets, threshold: float) -> Pairs:
    similarity_P = sets.similarities(first_P, second_P)
    near_P = similarity_P >= threshold
    return Pairs(first_P[near_P], second_P[near_P], similarity_P[near_P])


def _pairs(dropped: list[tuple[int, int, float]]) -> Pairs:
    first, second, similarity = zip(*dropped, strict=True) if dropped else ((), (), ())
    return Pairs(np.array(first, np.int64), np.array(second, np.int64), np.array(similarity, np.float64))


def _components(n_rows: int, edges: list[Pairs]) -> I64:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = (
        np.concatenate([getattr(part, name) for part in edges]) for name in ("first_P", "second_P")
    )
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n_rows, n_rows))
    _, component_N = connected_components(graph, directed=False)
    least = np.full(n_rows, n_rows, np.int64)
    np.minimum.at(least, component_N, np.arange(n_rows))
    return np.asarray(least[component_N])
