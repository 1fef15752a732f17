"""Batch files for judges on input files: what `kto judge submit` and `collect` do."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from kto_data.errors import InputError
from kto_data.labelers.judges.batch_files import BatchCounts, batch_lines, collect_lines
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.pipeline.judge_files import read_files


def submit_files(files: Sequence[str], judge: Judge, output: Path, cache: Path) -> BatchCounts:
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
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    os.replace(partial, output)
    return counts


def collect_files(files: Sequence[str], judge: Judge, results: Sequence[Path], cache: Path) -> BatchCounts:
    """Put the answers of a provider's result files into the cache.

    Raises:
        InputError: A file cannot be read, or a line is none of a result file.
    """
    counts = BatchCounts()
    with AnswerCache(cache) as answers, read_files(files, cache.parent) as read:
        collect_lines(judge, read.rows(about=judge.about), _lines(results), answers, counts)
    return counts


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
