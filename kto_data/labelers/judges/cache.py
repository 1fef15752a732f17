"""Every answer that was paid for, in SQLite: written before it becomes a vote, and never paid twice.

The key is a hash of where it was asked, the exact request with model and parameters, and which of several samples
it is. The request itself is not stored, and so are no secrets: they are in headers, which are not part of the key.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
_SELECT = "SELECT text, more, tokens_in, tokens_out, cost_usd, created_at FROM answers"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")
"""`SQLITE_ERROR`: a table or column is missing."""


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


def _place(key: bytes) -> int:
    """Return the byte of the file of claims that stands for a key; files have fewer than 2 to the 63."""
    return int.from_bytes(key[:8]) >> 2


class AnswerCache:
    """The answers of one file.

    `kill -9` loses nothing that was committed: SQLite's write-ahead log is with the operating system then.
    Several processes may use one file at once; see `claim`.

    Args:
        path: Made, with its folder, when it does not exist.

    Raises:
        InputError: The file is something else, or damaged.
        UnavailableError: It cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._claims = path.with_name(f".{path.name}.asking").open("ab")
        except OSError as error:
            raise UnavailableError(f"{path}: cannot be used to keep answers: {error}") from None
        with self.guarded():
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._claims.close()
                self._db.close()
                raise

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._make()
        elif version != _VERSION:
            raise InputError(
                f"{self.path}: holds answers of version {version}, and this kto-data reads {_VERSION}: name another file, "
                "or use the kto-data that wrote it"
            )
        self._db.execute(f"{_SELECT} LIMIT 0")  # fails where the tables are somebody else's
        self.under_way: set[bytes] = {row[0] for row in self._db.execute("SELECT key FROM batch_keys")}
        """Questions that wait in a provider's batch: asked again, they would be paid twice."""

    def _make(self) -> None:
        """Make the tables, unless another process has in the meantime."""
        self._db.execute("BEGIN IMMEDIATE")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (n_tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version == 0 and n_tables:
            raise InputError(f"{self.path}: is a database of something else, and no file of answers")
        for statement in (*_TABLES.split(";"), f"PRAGMA user_version = {_VERSION}", "COMMIT"):
            self._db.execute(statement)  # `executescript` would commit first

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what SQLite complains of into an error for people.

        Raises:
            InputError: The file is damaged.
            UnavailableError: The disk is full, or the file cannot be read or written.
        """
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") in _DAMAGED:
                raise InputError(
                    f"{self.path}: is damaged, or no file of answers ({error}); move it away to begin anew: what only it "
                    "holds is then asked and paid for again"
                ) from None
            raise UnavailableError(
                f"{self.path}: answers cannot be kept there, so no more are bought: {error}"
            ) from None

    def claim(self, key: bytes) -> bool:
        """Return whether this process may ask a question: no other that uses the file is about to.

        A claim ends with `release`, or with the process, however it ends: it is a lock on one byte of a file, the one
        whose place the key says.
        """
        try:
            fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self, key: bytes) -> None:
        """End a claim, once the answer is kept or will not come."""
        fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _place(key))

    @property
    def db(self) -> sqlite3.Connection:
        """The connection, for what else is noted in this file."""
        return self._db

    def get(self, key: bytes) -> Stored | None:
        """Return the answer that was stored under a key."""
        with self.guarded():
            found = self._db.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
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
        with self.guarded():
            if not self._db.in_transaction:
                self._db.execute("BEGIN")
            self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def commit(self) -> None:
        """Keep what was put in: after this, killing the process loses none of it.

        Raises:
            UnavailableError: The disk is full, or the file cannot be written.
        """
        with self.guarded():
            if self._db.in_transaction:
                self._db.execute("COMMIT")

    def __len__(self) -> int:
        """Return the number of answers."""
        (count,) = self._db.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)

    def close(self) -> None:
        """Keep what was put in, and close the file."""
        try:
            self.commit()
        finally:
            self._claims.close()
            self._db.close()

    def __enter__(self) -> "AnswerCache":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()
