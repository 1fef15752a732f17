"""Which questions wait at a provider: noted before a batch is sent, so that none is asked twice.

The notes stand in the file of the answers. A batch is `sending` until the provider has given it a name; one whose sender
was killed, or whose reply was lost, is looked up before anything is sent again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kto_data.labelers.judges.cache import AnswerCache


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose answers were not collected yet.

    Attributes:
        name: Ours.
        provider_id: The provider's name for it; None while it is not known whether it was made.
        n_lines: Questions in it.
        sent_at: When it was sent, in seconds since 1970.
    """

    name: str
    provider_id: str | None
    n_lines: int
    sent_at: float


class BatchLedger:
    """The batches of one judge.

    Args:
        cache: Where its answers are kept.
        place: Its server.
        judge: Its name.
    """

    def __init__(self, cache: AnswerCache, place: str, judge: str) -> None:
        self._cache, self._db, self._place, self._judge = cache, cache.db, place, judge

    def sending(self, name: str, keys: Sequence[bytes]) -> None:
        """Note that a batch is about to be sent."""
        self._db.execute("BEGIN")
        self._db.execute(
            "INSERT INTO batches VALUES (?, ?, ?, NULL, ?, ?)",
            (name, self._place, self._judge, len(keys), time.time()),
        )
        self._db.executemany("INSERT OR REPLACE INTO batch_keys VALUES (?, ?)", ((key, name) for key in keys))
        self._db.execute("COMMIT")
        self._cache.under_way.update(keys)

    def submitted(self, name: str, provider_id: str) -> None:
        """Note the provider's name for it."""
        self._db.execute("UPDATE batches SET provider_id = ? WHERE name = ?", (provider_id, name))

    def closed(self, name: str) -> None:
        """Forget a batch: its answers are stored, or it was never made. What has no answer can be asked again."""
        keys = self.keys(name)
        self._db.execute("BEGIN")
        self._db.execute("DELETE FROM batch_keys WHERE batch = ?", (name,))
        self._db.execute("DELETE FROM batches WHERE name = ?", (name,))
        self._db.execute("COMMIT")
        self._cache.under_way.difference_update(keys)

    def keys(self, name: str) -> set[bytes]:
        """Return the questions of a batch."""
        return {row[0] for row in self._db.execute("SELECT key FROM batch_keys WHERE batch = ?", (name,))}

    def open(self) -> list[OpenBatch]:
        """Return this judge's batches, the oldest first."""
        query = "SELECT name, provider_id, n_lines, sent_at FROM batches WHERE place = ? AND judge = ? ORDER BY sent_at"
        return [OpenBatch(*row) for row in self._db.execute(query, (self._place, self._judge))]

    def known(self) -> set[str]:
        """Return the provider's names of all batches that are noted."""
        query = "SELECT provider_id FROM batches WHERE provider_id IS NOT NULL"
        return {row[0] for row in self._db.execute(query)}
