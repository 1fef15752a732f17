"""Do the accounts add up: records = used + quarantined, rows = dataset + dropped + undecided."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The sums behind the accounting table.

    Attributes:
        n_used: Records that became rows, as counted, else what the quarantine leaves; None where
            records were not counted.
        n_lost_records: Records that are neither used nor quarantined with a reason; None likewise.
        n_dataset: Rows in the dataset, both splits.
        n_dropped: Rows that some step left out.
        dropped_by_step: The same by step.
        n_unaccounted: Rows that are in none of the three; not 0 only if something is wrong. None
            where rows were not counted.
    """

    n_used: int | None
    n_lost_records: int | None
    n_dataset: int
    n_dropped: int
    dropped_by_step: dict[str, int]
    n_unaccounted: int | None


def reckon(accounting: dict[str, Any]) -> Reckoning:
    """Add up the accounts of a run.

    >>> reckon({"n_records": 9, "n_quarantined": 1, "n_rows": 8, "n_dataset": {"train": 4, "test": 1},
    ...         "dropped": {"exact_dedup": {"duplicate": 2}}, "n_undecided": 1})
    ... # doctest: +NORMALIZE_WHITESPACE
    Reckoning(n_used=8, n_lost_records=0, n_dataset=5, n_dropped=2, dropped_by_step={'exact_dedup': 2}, n_unaccounted=0)
    """
    n_records, n_rows = accounting.get("n_records"), accounting.get("n_rows")
    n_quarantined = accounting.get("n_quarantined") or 0
    n_used = accounting.get("n_used")
    if n_used is None and n_records is not None:
        n_used = n_records - n_quarantined
    reasons_given = accounting.get("quarantined")
    n_with_reason = n_quarantined if reasons_given is None else sum(reasons_given.values())
    by_step = {step: sum(reasons.values()) for step, reasons in (accounting.get("dropped") or {}).items()}
    n_dropped = sum(by_step.values())
    n_dataset = sum((accounting.get("n_dataset") or {}).values())
    n_undecided = accounting.get("n_undecided") or 0
    return Reckoning(
        n_used=n_used,
        n_lost_records=None if n_records is None else n_records - (n_used or 0) - n_with_reason,
        n_dataset=n_dataset,
        n_dropped=n_dropped,
        dropped_by_step=by_step,
        n_unaccounted=None if n_rows is None else n_rows - n_dataset - n_dropped - n_undecided,
    )
