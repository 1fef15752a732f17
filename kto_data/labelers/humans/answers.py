"""The answers that stand: of each annotator on each sample the newest, reviews left out.

Reviewers see what others could not agree on, so their answers would make agreement look worse than it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kto_data.labelers.humans.ledger import Ledger
from kto_data.schema import DESIRABLE, UNDESIRABLE


@dataclass(frozen=True, slots=True)
class Answer:
    """One annotator's standing answer.

    Attributes:
        sample_id: About which sample.
        annotator: Whose.
        verdict: desirable, undesirable or skip.
        lead_time_s: Seconds that it took; None when the page did not say.
        at: When, in microseconds since 1970.
        truth: The known label of a gold item.
        edited_by: Somebody else who changed it.
    """

    sample_id: str
    annotator: str
    verdict: str
    lead_time_s: float | None = None
    at: int = 0
    truth: bool | None = None
    edited_by: str | None = None

    @property
    def vote(self) -> int:
        """The answer as a vote; a skip is none."""
        return {"desirable": DESIRABLE, "undesirable": UNDESIRABLE}.get(self.verdict, 0)


_STANDING = """
SELECT sample_id, annotator, verdict, lead_time_s, at, truth, edited_by FROM (
  SELECT i.sample_id, a.annotator, a.verdict, a.lead_time_s, a.updated_at AS at, i.truth, a.edited_by,
    row_number() OVER (PARTITION BY i.sample_id, a.annotator ORDER BY a.updated_at DESC, a.id DESC) AS age
  FROM annotations a JOIN items i USING (external_id)
  WHERE a.withdrawn_at IS NULL AND a.verdict IS NOT NULL AND i.role <> 'review')
WHERE age = 1 ORDER BY at, sample_id, annotator
"""


def standing_answers(ledger: Ledger) -> list[Answer]:
    """Return the answers that stand, in the order in which they were given."""
    return [
        Answer(
            row["sample_id"],
            row["annotator"],
            row["verdict"],
            row["lead_time_s"],
            row["at"],
            None if row["truth"] is None else bool(row["truth"]),
            row["edited_by"],
        )
        for row in ledger.rows(_STANDING)
    ]


def counts_by_sample(
    answers: Iterable[Answer],
) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the samples, and how many said desirable and undesirable of each."""
    found: dict[str, list[int]] = {}
    for answer in answers:
        if answer.vote:
            found.setdefault(answer.sample_id, [0, 0])[answer.vote == UNDESIRABLE] += 1
    table = np.array(list(found.values()), dtype=np.int64).reshape(-1, 2)
    return list(found), table[:, 0], table[:, 1]


def agreed(ledger: Ledger) -> dict[str, bool]:
    """Return what people have decided: the samples on which all who answered say the same, with what."""
    samples, up_N, down_N = counts_by_sample(standing_answers(ledger))
    return {
        sample: bool(up) for sample, up, down in zip(samples, up_N, down_N, strict=True) if not (up and down)
    }


def disputed(ledger: Ledger) -> list[str]:
    """Return the samples on which annotators disagree and that nobody has reviewed or is asked to."""
    samples, up_N, down_N = counts_by_sample(standing_answers(ledger))
    reviewed = ledger.asked_samples(reviews=True)
    split: Sequence[bool] = ((up_N > 0) & (down_N > 0)).tolist()
    return sorted(
        one for one, is_split in zip(samples, split, strict=True) if is_split and one not in reviewed
    )
