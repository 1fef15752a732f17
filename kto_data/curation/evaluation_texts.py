"""The texts of evaluation files, and which of their n-grams rows share.

Shapes: I texts, S n-grams of them, H hits of a row's n-grams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.errors import InputError
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.inputs import find_paths
from kto_data.readers.record import Unreadable
from kto_data.readers.sniff import open_file
from kto_data.texts.shingles import shingles
from kto_data.texts.words import I64, U64, words

MIN_WORDS = 5
"""Texts with fewer words (an answer's letter, a category) are no evidence of anything."""
MAX_TEXTS = 100
"""An n-gram in more evaluation texts than these is a template's, and tells nothing of any."""


@dataclass(frozen=True, slots=True)
class EvaluationText:
    """A text of a record.

    Attributes:
        file: The file's name.
        record: From 1: the line of a JSONL file, else the record.
        text: The text.
    """

    file: str
    record: int
    text: str


def find_evaluation_files(paths: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Return the files that paths and globs mean.

    Raises:
        InputError: One means no file.
    """
    found: dict[Path, None] = {}
    for written in paths:
        try:
            found.update(dict.fromkeys(find_paths(written, folder)))
        except FileProblemError as problem:
            raise InputError(f"against: {written}: {problem}") from None
    return tuple(found)


def read_evaluation_texts(files: Sequence[Path], columns: Sequence[str]) -> list[EvaluationText]:
    """Return the texts of all records with at least `MIN_WORDS` words, every one once.

    Args:
        files: JSON lines, JSON, CSV or Parquet, plain or gzipped.
        columns: The keys that count, at any depth; all if none is given.

    Raises:
        InputError: A file cannot be read, or has no text that counts.
    """
    texts: dict[str, EvaluationText] = {}
    for path in files:
        n_before = len(texts)
        try:
            for record, value in _records(path):
                for text in _texts(value, frozenset(columns), counts=not columns):
                    texts.setdefault(text, EvaluationText(path.name, record, text))
        except (FileProblemError, OSError) as error:
            raise InputError(f"{path}: {error}") from None
        if len(texts) == n_before and columns:
            raise InputError(f"{path}: no record has a text under {' or '.join(columns)}")
    long = [
        text
        for text, n in zip(
            texts.values(), np.diff(words(pa.array(list(texts), pa.string())).start_D).tolist(), strict=True
        )
        if n >= MIN_WORDS
    ]
    if not long:
        names = ", ".join(str(path) for path in files)
        raise InputError(
            f"{names}: no text has {MIN_WORDS} words or more, so there is nothing to compare with"
        )
    return long


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    opened = open_file(path)
    if opened is None:
        return
    file, container = opened
    for item in CONTAINERS.get(container)().records(file):
        if isinstance(item, Unreadable):
            raise InputError(f"{path}: record {item.number}: {item.detail}")
        yield item.number, item.value


def _texts(value: Any, columns: frozenset[str], *, counts: bool) -> Iterator[str]:
    if isinstance(value, str):
        if counts:
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, columns, counts=counts or key in columns)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, columns, counts=counts)


class NGrams:
    """The n-grams of evaluation texts, to look up those of rows. 16 bytes an n-gram.

    A text with fewer words than n has one of its own length, so each length that occurs is looked for.

    Args:
        texts: The evaluation texts.
        n_words: n.
    """

    def __init__(self, texts: Sequence[EvaluationText], n_words: int) -> None:
        column = pa.array([text.text for text in texts], pa.string())
        lengths_I = np.minimum(np.diff(words(column).start_D), n_words)
        self._by_length: dict[int, tuple[U64, I64]] = {}
        self.n_grams_I = np.zeros(len(texts), np.int64)
        """Distinct n-grams of each text that are no template's."""
        for length in np.unique(lengths_I).tolist():
            chosen = np.flatnonzero(lengths_I == length)
            found = shingles(column.take(pa.array(chosen)), length)
            text_S = np.repeat(chosen, np.diff(found.start_D))
            once = _distinct(found.hash_S, text_S)
            hash_S, text_S = found.hash_S[once], text_S[once]
            _, inverse, counts = np.unique(hash_S, return_inverse=True, return_counts=True)
            telling = counts[inverse] <= MAX_TEXTS
            self._by_length[length] = hash_S[telling], text_S[telling]
            self.n_grams_I += np.bincount(text_S[telling], minlength=len(texts))

    def overlaps(self, column: pa.Array) -> tuple[I64, I64, npt.NDArray[np.float64]]:
        """Return which rows share n-grams with which text: row, text, and the share of the text's n-grams."""
        keys = [np.zeros(0, np.int64)]
        for length, (hash_S, text_S) in self._by_length.items():
            found = shingles(column, length)
            row_H = np.repeat(np.arange(len(column)), np.diff(found.start_D))
            first_H = np.searchsorted(hash_S, found.hash_S)
            n_H = np.searchsorted(hash_S, found.hash_S, side="right") - first_H
            hits = np.flatnonzero(n_H)
            n_H, first_H, row_H, gram_H = n_H[hits], first_H[hits], row_H[hits], found.hash_S[hits]
            # of a row's repeated n-grams each counts once
            once = _distinct(gram_H, row_H)
            n_H, first_H, row_H = n_H[once], first_H[once], row_H[once]
            places = np.repeat(first_H - np.cumsum(n_H) + n_H, n_H) + np.arange(n_H.sum())
            keys.append(np.repeat(row_H, n_H) * len(self.n_grams_I) + text_S[places])
        pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
        row_P, text_P = pairs // len(self.n_grams_I), pairs % len(self.n_grams_I)
        return row_P, text_P, counts / self.n_grams_I[text_P]


def _distinct(first: U64, second: I64) -> I64:
    """Return where each pair stands, every one once, sorted by the first."""
    order = np.lexsort((second, first))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (first[order][1:] != first[order][:-1]) | (second[order][1:] != second[order][:-1])
    return np.asarray(order[is_new])
