"""What was sent to annotators and what they answered: one SQLite file beside the run, changed in transactions.

It is written before anything is sent, so that whatever happens in between (a killed client, a killed server,
a lost reply) the next command knows what is sure, what is in doubt and what is still to do.
"""

import fcntl
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kto_data.errors import UnavailableError

MAIN = "annotators"
"""The project that everybody answers in; those of reviewers are named `review:<email>`."""

_FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS projects (
  kind TEXT PRIMARY KEY, url TEXT, id INTEGER, title TEXT, overlap INTEGER, cursor INTEGER);
CREATE TABLE IF NOT EXISTS batches (
  batch TEXT PRIMARY KEY, number INTEGER, kind TEXT, request TEXT, strategy TEXT, overlap INTEGER, created_at INTEGER);
CREATE TABLE IF NOT EXISTS items (
  external_id TEXT PRIMARY KEY, batch TEXT, kind TEXT, sample_id TEXT, stratum TEXT, p_selected REAL, chosen_by TEXT,
  role TEXT, truth INTEGER, data BLOB, state TEXT, task INTEGER, sent_at REAL);
CREATE INDEX IF NOT EXISTS items_by_sample ON items (sample_id);
CREATE INDEX IF NOT EXISTS items_by_task ON items (kind, task);
CREATE INDEX IF NOT EXISTS items_by_state ON items (kind, state);
CREATE TABLE IF NOT EXISTS annotations (
  kind TEXT, id INTEGER, external_id TEXT, annotator TEXT, verdict TEXT, reasons TEXT, comment TEXT, problem TEXT,
  lead_time_s REAL, created_at INTEGER, updated_at INTEGER, edited_by TEXT, withdrawn_at INTEGER,
  PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS annotations_by_item ON annotations (external_id);
CREATE TABLE IF NOT EXISTS told (
  sample_id TEXT, annotator TEXT, vote INTEGER, reason TEXT, at INTEGER, PRIMARY KEY (sample_id, annotator));
CREATE TABLE IF NOT EXISTS blocks (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
"""

# what an item's `state` can be
WAITING, SENDING, SENT, DELETED = "waiting", "sending", "sent", "deleted"

# what an item's `role` can be
LABEL, GOLD, REVIEW = "label", "gold", "review"


@dataclass(frozen=True, slots=True)
class Item:
    """One task for annotators.

    Attributes:
        external_id: Ours, and unique: the batch and the sample.
        batch: The batch it was chosen in.
        sample_id: What it is about.
        stratum: The group of samples that it was drawn from.
        p_selected: The probability with which it was chosen; None for gold and reviews, which were not drawn.
        chosen_by: The strategy that chose it.
        role: `label`, `gold` (its label is known: the annotator is what is measured) or `review`.
        data: What the annotator sees: messages, completion, perhaps a suggestion.
        truth: The known label of a gold item; it never leaves this machine.
    """

    external_id: str
    batch: str
    sample_id: str
    stratum: str
    p_selected: float | None
    chosen_by: str
    role: str
    data: Mapping[str, Any]
    truth: bool | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that were chosen together."""

    batch: str
    number: int
    kind: str
    request: str
    strategy: str
    overlap: int
    created_at: int


class Ledger:
    """The ledger of a run or dataset.

    Args:
        folder: Where it is kept, made when it does not exist.

    Raises:
        UnavailableError: The file is damaged, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ledger.sqlite"
        try:
            self.db = sqlite3.connect(self.path, isolation_level=None, timeout=30.0)
            self.db.row_factory = sqlite3.Row
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            [(version,)] = self.db.execute("PRAGMA user_version").fetchall()
            if version not in (0, _FORMAT):
                raise UnavailableError(
                    f"{self.path}: written by another version of kto-data (format {version})"
                )
            self.db.executescript(_TABLES)
            self.db.execute(f"PRAGMA user_version = {_FORMAT}")
        except sqlite3.DatabaseError as error:
            raise UnavailableError(
                f"{self.path}: cannot be read ({error}); move it away: what is on the server is found again by its ids"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def locked(self) -> Iterator["Ledger"]:
        """Hold the ledger's lock, so that two commands never send the same thing.

        Raises:
            UnavailableError: Another command holds it.
        """
        with (self.folder / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UnavailableError(
                    f"{self.folder}: another kto annotate is at work here; wait for it"
                ) from None
            yield self

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Make several changes that are kept together or not at all."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        return self.db.execute(query, values).fetchall()

    def count(self, query: str, values: Sequence[Any] = ()) -> int:
        """Return the one number that a query gives."""
        return int(self.db.execute(query, values).fetchone()[0] or 0)

    # -- projects ---------------------------------------------------------------------------------

    def projects(self) -> list[sqlite3.Row]:
        """Return the projects: kind, url, id, title, overlap, cursor (of the last pull, in microseconds)."""
        return self.rows("SELECT * FROM projects ORDER BY kind")

    def project(self, kind: str) -> sqlite3.Row | None:
        """Return a project; None when it was not made yet."""
        found = self.rows("SELECT * FROM projects WHERE kind = ?", [kind])
        return found[0] if found else None

    def set_project(self, kind: str, *, url: str, number: int, title: str, overlap: int) -> None:
        """Note which project on the server holds items of a kind; its changes are then read from the start."""
        self.db.execute(
            "INSERT OR REPLACE INTO projects VALUES (?, ?, ?, ?, ?, NULL)",
            [kind, url, number, title, overlap],
        )

    # -- batches ----------------------------------------------------------------------------------

    def add_batch(self, batch: Batch, items: Iterable[Item]) -> None:
        """Note a batch that is to be sent."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    batch.batch,
                    batch.number,
                    batch.kind,
                    batch.request,
                    batch.strategy,
                    batch.overlap,
                    batch.created_at,
                ],
            )
            db.executemany(
                "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                ([*_columns(item, batch.kind), WAITING] for item in items),
            )

    def adopt(self, items: Iterable[tuple[Item, int]], kind: str) -> None:
        """Note items that are on the server already, with their tasks: the ledger was lost or is new."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                ([*_columns(item, kind), SENT, task] for item, task in items),
            )

    def batches(self) -> list[Batch]:
        """Return the batches, the oldest first."""
        return [Batch(*row) for row in self.rows("SELECT * FROM batches ORDER BY number")]

    def asked_samples(self, *, reviews: bool = False) -> set[str]:
        """Return the samples that annotators (or reviewers) were asked about."""
        where = "role = 'review'" if reviews else "role <> 'review'"
        return {row[0] for row in self.rows(f"SELECT DISTINCT sample_id FROM items WHERE {where}")}  # noqa: S608

    def seen(self, sample_id: str) -> Mapping[str, Any]:
        """Return what annotators saw of a sample that they were asked about."""
        query = "SELECT * FROM items WHERE sample_id = ? AND role <> 'review' ORDER BY rowid LIMIT 1"
        return _item(self.rows(query, [sample_id])[0]).data

    # -- sending ----------------------------------------------------------------------------------

    def to_send(self, kind: str, state: str, limit: int = -1) -> list[Item]:
        """Return items of a project that are in a state, in the order in which they were added."""
        query = "SELECT * FROM items WHERE kind = ? AND state = ? ORDER BY rowid LIMIT ?"
        return [_item(row) for row in self.rows(query, [kind, state, limit])]

    def mark(
        self,
        external_ids: Sequence[str],
        state: str,
        *,
        tasks: Sequence[int | None] | None = None,
        at: float | None = None,
    ) -> None:
        """Set the state of items, and the numbers of their tasks."""
        numbers: Sequence[int | None] = [None] * len(external_ids) if tasks is None else tasks
        with self.transaction() as db:
            db.executemany(
                "UPDATE items SET state = ?, task = ?, sent_at = coalesce(?, sent_at) WHERE external_id = ?",
                [(state, task, at, one) for one, task in zip(external_ids, numbers, strict=True)],
            )


def _columns(item: Item, kind: str) -> list[Any]:
    data = zlib.compress(json.dumps(item.data, ensure_ascii=False).encode("utf-8"), 3)
    return [
        item.external_id, item.batch, kind, item.sample_id, item.stratum, item.p_selected, item.chosen_by, item.role, item.truth, data,
    ]  # fmt: skip


def _item(row: sqlite3.Row) -> Item:
    return Item(
        row["external_id"], row["batch"], row["sample_id"], row["stratum"], row["p_selected"], row["chosen_by"],
        row["role"], json.loads(zlib.decompress(row["data"])), None if row["truth"] is None else bool(row["truth"]),
    )  # fmt: skip
