"""What annotators decided, as votes of `human:<annotator>` in the vote log.

A changed mind is a newer vote, which supersedes; both stay in the log. A withdrawn decision and a skipped
item are abstentions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from kto_data.labelers.humans.ledger import Ledger
from kto_data.labelers.humans.verdict import VOTE_OF
from kto_data.runs.files import hash_value
from kto_data.schema import ABSTAIN, GOLD, LABELERS, VOTES
from kto_data.tables import write_parquet
from kto_data.votes.labelers import Labeler, to_table, version_of
from kto_data.votes.log import VoteLog

PREFIX = "human:"
WITHDRAWN = "withdrawn"

# of each annotator on each sample the newest annotation that holds a decision and still stands
_STANDING = """
SELECT sample_id, annotator, verdict, reasons, comment, updated_at, p_selected, batch FROM (
  SELECT i.sample_id, a.annotator, a.verdict, a.reasons, a.comment, a.updated_at, i.p_selected, i.batch,
    row_number() OVER (PARTITION BY i.sample_id, a.annotator ORDER BY a.updated_at DESC, a.id DESC) AS age
  FROM annotations a JOIN items i USING (external_id)
  WHERE a.withdrawn_at IS NULL AND a.verdict IS NOT NULL)
WHERE age = 1
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What was added to the vote log.

    Attributes:
        n_votes: New votes, with those that supersede earlier ones.
        blocks: All blocks of annotators' votes so far, the oldest first.
    """

    n_votes: int
    blocks: Sequence[str]


def labeler_of(annotator: str) -> Labeler:
    """Return an annotator as the `labelers` table has it."""
    definition = {"annotator": annotator, "asked": "is the answer desirable"}
    return Labeler(PREFIX + annotator, version_of(definition), "annotator", definition=definition)


def tell(ledger: Ledger, log: VoteLog) -> Told:
    """Add to the vote log what changed since it was told last; nothing when nothing did."""
    votes = _changes(ledger)
    if votes:
        key = hash_value(
            [
                [vote["sample_id"], vote["labeler"], vote["vote"], vote["reason"], vote["created_at"]]
                for vote in votes
            ]
        )
        labelers = [
            labeler_of(name) for name in sorted({vote["labeler"].removeprefix(PREFIX) for vote in votes})
        ]
        log.append("labelers", key, LABELERS, [to_table(labelers)])
        block = log.append("votes", key, VOTES, [pa.Table.from_pylist(votes, schema=VOTES)])
        with ledger.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        vote["sample_id"],
                        vote["labeler"].removeprefix(PREFIX),
                        vote["vote"],
                        vote["reason"],
                        vote["created_at"],
                    )
                    for vote in votes
                ],
            )
            db.execute("INSERT OR IGNORE INTO blocks (name) VALUES (?)", [block.name])
    return Told(len(votes), block_names(ledger))


def block_names(ledger: Ledger) -> list[str]:
    """Return the blocks of annotators' votes, the oldest first."""
    return [row["name"] for row in ledger.rows("SELECT name FROM blocks ORDER BY number")]


def _changes(ledger: Ledger) -> list[dict[str, Any]]:
    told = {(row["sample_id"], row["annotator"]): row for row in ledger.rows("SELECT * FROM told")}
    votes = []
    standing = set()
    for row in ledger.rows(_STANDING):
        key = (row["sample_id"], row["annotator"])
        standing.add(key)
        vote = VOTE_OF[row["verdict"]]
        words = ": ".join(part for part in (row["reasons"], row["comment"]) if part)
        reason = words or ("skipped" if vote == ABSTAIN else None)
        before = told.get(key)
        if before is None or (before["vote"], before["reason"]) != (vote, reason):
            at = max(row["updated_at"], before["at"] + 1 if before else 0)
            votes.append(_vote(key, vote, reason, at, row["p_selected"], row["batch"]))
    for key, before in told.items():
        if key not in standing and before["reason"] != WITHDRAWN:
            votes.append(
                _vote(key, ABSTAIN, WITHDRAWN, max(_withdrawn_at(ledger, key), before["at"] + 1), None, None)
            )
    return sorted(votes, key=lambda vote: (vote["created_at"], vote["sample_id"], vote["labeler"]))


def _vote(
    key: tuple[str, str], vote: int, reason: str | None, at: int, p_selected: float | None, batch: str | None
) -> dict[str, Any]:
    sample_id, annotator = key
    labeler = labeler_of(annotator)
    return {
        "sample_id": sample_id,
        "labeler": labeler.name,
        "version": labeler.version,
        "vote": vote,
        "reason": reason,
        "p_selected": p_selected,
        "batch": batch,
        "created_at": at,
    }


def _withdrawn_at(ledger: Ledger, key: tuple[str, str]) -> int:
    return ledger.count(
        "SELECT max(coalesce(a.withdrawn_at, a.updated_at)) FROM annotations a JOIN items i USING (external_id) "
        "WHERE i.sample_id = ? AND a.annotator = ?",
        key,
    )


def write_gold(ledger: Ledger, path: Path) -> int:
    """Write the reviewers' answers as gold and return their number; what a reviewer takes back is no gold any more."""
    rows = ledger.rows(
        "SELECT i.sample_id, b.kind, a.annotator, a.verdict FROM annotations a JOIN items i USING (external_id) "
        "JOIN batches b USING (batch) WHERE i.role = 'review' AND a.withdrawn_at IS NULL "
        "AND a.verdict IN ('desirable', 'undesirable') AND b.kind = 'review:' || a.annotator "
        "ORDER BY a.updated_at, a.id"
    )
    newest = {row["sample_id"]: row for row in rows}
    records = [
        {
            "sample_id": sample,
            "label": row["verdict"] == "desirable",
            "source": f"{PREFIX}{row['annotator']} (review)",
        }
        for sample, row in sorted(newest.items())
    ]
    write_parquet(path, GOLD, pa.Table.from_pylist(records, schema=GOLD).to_batches())
    return len(records)
