"""Rules on files, by as many processes as there are processors; what comes out does not depend on how many.

Each worker labels pieces of the input and leaves their votes in a file; these are handed out in the
order of the input.
"""

import ctypes
import pickle
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import UnavailableError
from kto_data.labelers.rules.engine import refuse_misfits
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.fast.gap_patterns import MANY
from kto_data.labelers.rules.fast.pieces import PIECE_ROWS, Piece, pieces, read_piece
from kto_data.labelers.rules.row import SCOPES
from kto_data.labelers.rules.rule import RuleSet
from kto_data.readers.arrow_rows import ArrowRows
from kto_data.schema import FAULTS, rule_votes_schema

_KEPT_BYTES = 64 * 2**20
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # as malloc.h of glibc numbers them
_AHEAD = 4
_PLAIN_READS = frozenset({*SCOPES, "finish_reason", "model", "source"}) - {"next_user"}


class Source(Protocol):
    """Files that become rows; can be pickled."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files."""
        ...

    def batches(self, piece: Piece) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
        """Yield the rows of a piece, and what could not be read as rows of QUARANTINED."""
        ...


@dataclass(frozen=True)
class RowsSource:
    """A file of rows.

    Attributes:
        path: The file.
        kept: A NumPy file with one truth value a row, whether it is labelled; None for all.
    """

    path: Path
    kept: Path | None = None

    @property
    def paths(self) -> Sequence[Path]:
        """The file."""
        return (self.path,)

    def batches(self, piece: Piece) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
        """Yield the rows that are kept."""
        kept = None if self.kept is None else np.load(self.kept, mmap_mode="r")
        for first, batch in read_piece(self.path, piece, None):
            if kept is not None:
                batch = batch.filter(pa.array(np.asarray(kept[first : first + batch.num_rows])))
            yield batch, []


@dataclass(frozen=True)
class ArrowSource:
    """Input files of the usual shape, read as they are."""

    files: tuple[ArrowRows, ...]

    @property
    def paths(self) -> Sequence[Path]:
        """The files."""
        return tuple(rows.file.path for rows in self.files)

    def batches(self, piece: Piece) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
        """Yield their records as rows."""
        rows = self.files[piece.file]
        for first, batch in read_piece(rows.file.path, piece, None):
            yield rows.rows(batch, first)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of some rows.

    Attributes:
        votes: As `label_batch` has them.
        faults: Likewise.
        quarantined: Records that could not be read.
    """

    votes: pa.Table
    faults: pa.Table
    quarantined: list[dict[str, Any]]


def rules_read(rules: RuleSet) -> frozenset[str] | None:
    """Return the scopes and columns that the rules look at; None if only whole rows will do.

    That is so for checks that see rows as a whole, columns that plain files do not have, and caps.
    """
    reads = frozenset().union(*(rule.reads for rule in rules.rules))
    whole = any(
        rule.options.cap or any(leaf.check.batched or not leaf.check.reads_text for leaf in rule.leaves())
        for rule in rules.rules
    )
    known = all(name.startswith("meta.") or name in _PLAIN_READS for name in reads)
    return reads if known and not whole else None


def label_source(rules: RuleSet, source: Source, *, workers: int, scratch: Path) -> Iterator[Labelled]:
    """Yield the votes of rules on all rows of a source, in order.

    Args:
        rules: The rules.
        source: The rows.
        workers: The most processes that may work.
        scratch: A folder for what workers leave; nothing stays in it.

    Raises:
        UnavailableError: A worker died.
        ConfigError: A rule cannot be decided on any of the rows, such as SQL that compares a text with a number.
    """
    if isinstance(source, RowsSource):
        refuse_misfits(rules, pq.read_schema(source.path))
    cut = [piece for n, path in enumerate(source.paths) for piece in pieces(path, n, workers)]
    n_rows = sum(pq.read_metadata(path).num_rows for path in source.paths)
    workers = min(workers, len(cut), -(-n_rows // PIECE_ROWS))
    packed = _packed(rules, source) if workers > 1 else None
    if packed is None:
        fast = FastRules(rules)
        for piece in cut:
            yield from _labelled(fast, source, piece)
        return
    if len(rules.rules) >= MANY:
        FastRules(rules)  # what takes long to compile is kept on disk, where the workers find it
    with _pool(workers, packed) as pool:
        waiting: list[Future[tuple[Path, pa.Table, list[dict[str, Any]]]]] = []
        todo = iter(enumerate(cut))
        for number, piece in todo:
            waiting.append(pool.submit(_work, piece, scratch / f"part-{number:06}.arrow"))
            if len(waiting) >= workers * _AHEAD:
                yield from _collected(waiting.pop(0))
        while waiting:
            yield from _collected(waiting.pop(0))


def _labelled(fast: FastRules, source: Source, piece: Piece) -> Iterator[Labelled]:
    for batch, quarantined in source.batches(piece):
        votes, faults = fast.label(batch)
        yield Labelled(votes, faults, quarantined)


def _packed(rules: RuleSet, source: Source) -> bytes | None:
    """Return what workers need, None if a rule cannot be handed to another process."""
    try:
        return pickle.dumps((rules, source))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


@contextmanager
def _pool(workers: int, packed: bytes) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(packed,)
    )
    try:
        yield pool
    except BrokenProcessPool:
        raise UnavailableError(
            "a worker process ended before its work was done, perhaps for lack of memory; try --workers 1"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _collected(future: Future[tuple[Path, pa.Table, list[dict[str, Any]]]]) -> Iterator[Labelled]:
    path, faults, quarantined = future.result()
    with pa.memory_map(str(path)) as file:
        yield Labelled(pa.ipc.open_file(file).read_all(), faults, quarantined)
    path.unlink()


_mine: tuple[FastRules, Source] | None = None
"""What this worker process works with."""


class _NoPandas(MetaPathFinder):
    """Finds nothing, and does not let others find pandas."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse pandas."""
        if fullname == "pandas":
            raise ImportError("not while labelling")


def prepare_process(rules: RuleSet) -> None:
    """Set this process up for labelling with these rules and nothing else.

    pyarrow imports pandas, where it is installed, to see whether a list is a series, which takes longer than
    labelling a thousand rows; unless a rule of the user's own might want it, it is told that there is none.
    """
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _keep_memory()
    if "pandas" in sys.modules or any(
        leaf.name == "python" for rule in rules.rules for leaf in rule.leaves()
    ):
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    pa.array([""])
    sys.meta_path.remove(finder)


def _keep_memory() -> None:
    """Keep freed memory for the next block, where the C library is glibc.

    It would map the arrays of each block anew otherwise and clear their pages, at a fifth of the time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def _start(packed: bytes) -> None:
    global _mine
    rules, source = pickle.loads(packed)  # noqa: S301 - made by the process that started this one
    prepare_process(rules)
    _mine = FastRules(rules), source


def _work(piece: Piece, path: Path) -> tuple[Path, pa.Table, list[dict[str, Any]]]:
    """Label a piece in a worker process."""
    assert _mine is not None, "the pool starts its workers with `_start`"
    fast, source = _mine
    faults, quarantined = [FAULTS.empty_table()], []
    with pa.ipc.new_file(str(path), rule_votes_schema(fast.rules.ids)) as writer:
        for part in _labelled(fast, source, piece):
            writer.write_table(part.votes)
            faults.append(part.faults)
            quarantined += part.quarantined
    return path, pa.concat_tables(faults), quarantined
