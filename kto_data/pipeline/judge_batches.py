"""Batch files for judges on input files: what `kto judge submit` and `collect` do."""

import fcntl
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kto_data.errors import InputError, KtoDataError, UnavailableError
from kto_data.labelers.judges.asking.identity import place_of
from kto_data.labelers.judges.batch_files import BatchCounts, batch_backend, batch_lines, collect_lines
from kto_data.labelers.judges.batch_ledger import BatchLedger
from kto_data.labelers.judges.batch_servers import BatchServer, LostReplyError, batch_server
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.pipeline.judge_files import ReadFiles, read_files
from kto_data.readers import ReadEntry

SETTLED_S = 10.0
"""A request whose reply was lost can still be at work on the server; after so long it is not."""
POLL_S = 30.0
"""How often the provider is asked while somebody waits."""


def submit_files(files: ReadEntry, judge: Judge, output: Path, cache: Path) -> BatchCounts:
    """Write the questions without a stored answer as a batch file, whole or not at all.

    Raises:
        InputError: An input cannot be read, or the backend has no batch files.
    """
    counts = BatchCounts()
    partial = output.with_name(f".{output.name}.partial")
    with (
        AnswerCache(cache) as answers,
        read_files(files, output.parent) as read,
        partial.open("w", encoding="utf-8", errors="replace") as lines,
    ):
        for line in batch_lines(judge, read.rows(about=judge.about), answers, counts):
            lines.write(_text(line))
    os.replace(partial, output)
    return counts


def upload_files(files: ReadEntry, judge: Judge, cache: Path) -> BatchCounts:
    """Send the questions without a stored answer to the provider as batches, each question once.

    Raises:
        InputError: An input cannot be read, or the provider refuses the batch.
        UnavailableError: The provider is not there; what was sent is noted, and the same command goes on.
    """
    counts = BatchCounts()
    server = batch_server(batch_backend(judge))
    with _at_work(files, judge, cache) as (answers, read, ledger), _scratch(cache) as folder:
        _settle(server, ledger)
        lines = batch_lines(judge, read.rows(about=judge.about), answers, counts)
        for path, keys in _chunks(lines, folder, server):
            name = uuid.uuid4().hex
            ledger.sending(name, keys)
            try:
                made = server.create(name, path)
            except LostReplyError as error:
                raise UnavailableError(
                    f"{error}. Whether the last {len(keys):,} questions arrived is unknown; run the same command again: it "
                    "looks that up and sends only the rest"
                ) from None
            except KtoDataError:
                ledger.closed(name)  # refused, so certainly not there
                raise
            ledger.submitted(name, made)
            counts.batches.append(made)
    return counts


def download_files(files: ReadEntry, judge: Judge, cache: Path, *, wait: bool = False) -> BatchCounts:
    """Put the answers of the batches that were sent into the cache, those that have ended.

    Args:
        files: What the judge was asked about.
        judge: The judge that asked.
        cache: Where answers are kept.
        wait: Wait until every batch has ended.

    Raises:
        InputError: An input cannot be read.
        UnavailableError: The provider is not there.
    """
    counts = BatchCounts()
    server = batch_server(batch_backend(judge))
    with _at_work(files, judge, cache) as (answers, read, ledger), _scratch(cache) as folder:
        _settle(server, ledger)
        while True:
            counts.n_open = 0
            for batch in ledger.open():
                assert batch.provider_id is not None
                state = server.state(batch.provider_id)
                if not state.ended:
                    counts.n_open += 1
                    continue
                paths = []
                for number, address in enumerate(state.results):
                    paths.append(folder / f"{batch.name}-{number}.jsonl")
                    server.download(address, paths[-1])
                rows, sent = read.rows(about=judge.about), ledger.keys(batch.name)
                collect_lines(judge, rows, _lines(paths), answers, counts, sent=sent)
                ledger.closed(batch.name)
                counts.batches.append(batch.provider_id)
                counts.first_failure = counts.first_failure or state.said or None
            if not counts.n_open or not wait:
                return counts
            time.sleep(POLL_S)


def collect_files(files: ReadEntry, judge: Judge, results: Sequence[Path], cache: Path) -> BatchCounts:
    """Put the answers of a provider's result files into the cache.

    Raises:
        InputError: A file cannot be read, or a line is none of a result file.
    """
    counts = BatchCounts()
    with AnswerCache(cache) as answers, read_files(files, cache.parent) as read:
        collect_lines(judge, read.rows(about=judge.about), _lines(results), answers, counts)
    return counts


def _settle(server: BatchServer, ledger: BatchLedger) -> None:
    """Find out what became of batches whose reply was lost."""
    for batch in ledger.open():
        if batch.provider_id is not None:
            continue
        found = server.find(batch.name, batch.n_lines, batch.sent_at, ledger.known())
        age = time.time() - batch.sent_at
        if found is None and 0 <= age < SETTLED_S:
            time.sleep(SETTLED_S - age)
            found = server.find(batch.name, batch.n_lines, batch.sent_at, ledger.known())
        if found is None:
            ledger.closed(batch.name)
        else:
            ledger.submitted(batch.name, found)


def _chunks(
    lines: Iterator[dict[str, Any]], folder: Path, server: BatchServer
) -> Iterator[tuple[Path, list[bytes]]]:
    """Yield files of lines that a provider takes at once, and the questions in each."""
    path = folder / "batch.jsonl"
    keys: list[bytes] = []
    n_bytes = 0
    file = path.open("wb")
    try:
        for line in lines:
            text = _text(line).encode("utf-8", "replace")
            if keys and (len(keys) >= server.most_lines or n_bytes + len(text) > server.most_bytes):
                file.close()
                yield path, keys
                keys, n_bytes, file = [], 0, path.open("wb")
            file.write(text)
            keys.append(bytes.fromhex(line["custom_id"]))
            n_bytes += len(text)
    finally:
        file.close()
    if keys:
        yield path, keys


@contextmanager
def _at_work(
    files: ReadEntry, judge: Judge, cache: Path
) -> Iterator[tuple[AnswerCache, ReadFiles, BatchLedger]]:
    """Open what submitting and collecting work with; two of them at once would send the same thing."""
    with AnswerCache(cache) as answers, cache.with_name(f".{cache.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UnavailableError(
                f"{cache}: another kto judge sends or collects batches; wait for it"
            ) from None
        with read_files(files, cache.parent) as read:
            place = place_of(judge.backend, judge.options.model)
            with answers.guarded():
                yield answers, read, BatchLedger(answers, place, judge.name)


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".kto-batch-", dir=cache.parent) as name:
        yield Path(name)


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _lines(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield f"{path}:{number}", line
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
