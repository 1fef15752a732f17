"""Every answer that was paid for, in SQLite: written before it becomes a vote, and never paid twice.

The key is a hash of where it was asked, the exact request with model and parameters, and which of several samples
it is. The request itself is not stored, and so are no secrets: they are in headers, which are not part of the key.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import xxhash

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.question import Answer

_VERSION = 1
_BUSY_S = 30.0
_FIELDS = tuple(field.name for field in fields(Answer))

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY,
    text TEXT NOT NULL,
    more TEXT NOT NULL,
    tokens_in INTEGER,
    tokens_out INTEGER,
    cost_usd REAL,
    created_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    name TEXT PRIMARY KEY, place TEXT NOT NULL, judge TEXT NOT NULL, provider_id TEXT, n_lines INTEGER, sent_at REAL
);
CREATE TABLE IF NOT EXISTS batch_keys (key BLOB PRIMARY KEY, batch TEXT NOT NULL) WITHOUT ROWID
"""
"""Answers; and the questions that wait at a provider (`batch_ledger`)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it is kept.

    Attributes:
        answer: The answer.
        cost_usd: What it cost when it was paid for; None if that was not known.
        created_at: When it came, in seconds since 1970.
    """

    answer: Answer
    cost_usd: float | None
    created_at: float


def key_of(place: str, request: Mapping[str, Any], number: int) -> bytes:
    """Return the 16 bytes that stand for a request.

    Args:
        place: Where it is asked: an address, or what tells a local model's weights from others.
        request: Everything that is asked, as JSON values.
        number: Of several samples of the same request, which one.
    """
    text = json.dumps([place, request, number], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))


class AnswerCache:
    """The answers of one file.

    `kill -9` loses nothing that was committed: SQLite's write-ahead log is with the operating system then.
    Several processes may use one file at once.

    Args:
        path: Made, with its folder, when it does not exist.

    Raises:
        InputError: The file is something else.
        UnavailableError: It cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise InputError(f"{path}: holds answers of version {version}; this version reads {_VERSION}")
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
            self.under_way: set[bytes] = {row[0] for row in self._db.execute("SELECT key FROM batch_keys")}
            """Questions that wait in a provider's batch: asked again, they would be paid twice."""
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise UnavailableError(f"{path}: cannot be used to keep answers: {error}") from None
            raise InputError(f"{path}: is no file of answers: {error}") from None
        except OSError as error:
            raise UnavailableError(f"{path}: cannot be used to keep answers: {error}") from None

    @property
    def db(self) -> sqlite3.Connection:
        """The connection, for what else is noted in this file."""
        return self._db

    def get(self, key: bytes) -> Stored | None:
        """Return the answer that was stored under a key."""
        found = self._db.execute(
            "SELECT text, more, tokens_in, tokens_out, cost_usd, created_at FROM answers WHERE key = ?",
            (key,),
        ).fetchone()
        if found is None:
            return None
        text, more, tokens_in, tokens_out, cost_usd, created_at = found
        answer = Answer(text=text, tokens_in=tokens_in, tokens_out=tokens_out, **json.loads(more))
        return Stored(answer, cost_usd, created_at)

    def put(self, key: bytes, stored: Stored) -> None:
        """Put an answer in, to be kept by the next `commit`; what is already there stays.

        Raises:
            UnavailableError: The disk is full, or the file cannot be written.
        """
        more = {name: getattr(stored.answer, name) for name in _FIELDS}
        text, tokens_in, tokens_out = more.pop("text"), more.pop("tokens_in"), more.pop("tokens_out")
        told = json.dumps({name: value for name, value in more.items() if value is not None})
        # half a surrogate pair is no UTF-8, and models do write it
        text = text.encode("utf-8", "replace").decode("utf-8")
        values = (key, text, told, tokens_in, tokens_out, stored.cost_usd, stored.created_at)
        try:
            if not self._db.in_transaction:
                self._db.execute("BEGIN")
            self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"{self.path}: an answer cannot be kept, so no more are bought: {error}"
            ) from None

    def commit(self) -> None:
        """Keep what was put in: after this, killing the process loses none of it.

        Raises:
            UnavailableError: The disk is full, or the file cannot be written.
        """
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"{self.path}: an answer cannot be kept, so no more are bought: {error}"
            ) from None

    def __len__(self) -> int:
        """Return the number of answers."""
        (count,) = self._db.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)

    def close(self) -> None:
        """Keep what was put in, and close the file."""
        try:
            self.commit()
        finally:
            self._db.close()

    def __enter__(self) -> "AnswerCache":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()
