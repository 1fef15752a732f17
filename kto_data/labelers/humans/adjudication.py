"""Items that annotators disagree on, for a named reviewer whose answer becomes gold.

The community edition cannot assign a task to somebody, so a reviewer has a project of their own; in it only their
answers are gold, and everybody else's are votes.
"""

import time
from collections.abc import Sequence

from kto_data.labelers.humans.ledger import REVIEW, Batch, Item, Ledger
from kto_data.runs.files import hash_value


def review_kind(reviewer: str) -> str:
    """Return the name by which the ledger knows a reviewer's project."""
    return f"review:{reviewer.lower()}"


def review_title(title: str, reviewer: str) -> str:
    """Return the title of a reviewer's project; the server allows 50 characters.

    >>> review_title("support-bot", "jo@example.com")
    'support-bot (review: jo)'
    """
    return f"{title[:24]} (review: {reviewer.partition('@')[0][:12]})"


def make_review(ledger: Ledger, samples: Sequence[str], reviewer: str) -> Batch | None:
    """Note a batch for a reviewer; samples that were reviewed or are under review are left out.

    The reviewer sees what the annotators saw and not what they said.
    """
    asked = ledger.asked_samples(reviews=True)
    fresh = [sample for sample in samples if sample not in asked]
    if not fresh:
        return None
    number = len(ledger.batches()) + 1
    batch = f"{number:03d}{hash_value([reviewer, fresh])[:8]}"
    items = []
    for sample in fresh:
        external_id = f"{batch}-{sample}"
        data = dict(ledger.seen(sample)) | {"external_id": external_id}
        items.append(Item(external_id, batch, sample, "disputed", None, "adjudication", REVIEW, data))
    kind = review_kind(reviewer)
    made = Batch(batch, number, kind, f"review {reviewer}", "adjudication", 1, time.time_ns() // 1000)
    ledger.add_batch(made, items)
    return made
