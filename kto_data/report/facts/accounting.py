"""Where every record and row went, and what the run was made from."""

from typing import TypedDict


class SplitCounts(TypedDict, total=False):
    """Rows in the two splits of the dataset."""

    train: int
    test: int


class Accounting(TypedDict, total=False):
    """Where every record and row went.

    records = used + quarantined, and rows = in the dataset + dropped + undecided; the page checks both.
    """

    n_records: int
    n_used: int  # records that became rows, counted by itself: derived, the page could check nothing
    n_quarantined: int
    quarantined: dict[str, int]  # reason -> records
    n_rows: int
    n_dataset: SplitCounts
    dropped: dict[str, dict[str, int]]  # step -> reason -> rows
    n_undecided: int  # rows whose sample has no label


class QuarantinedExample(TypedDict, total=False):
    """A record that could not be read."""

    file: str
    record: int  # from 1: the line of a JSONL file, else the record
    reason: str
    detail: str | None
    excerpt: str | None


class DroppedExample(TypedDict, total=False):
    """A row that a step left out."""

    step: str
    reason: str
    row_id: str
    detail: str | None
    prompt: str
    completion: str


class Input(TypedDict, total=False):
    """An input file."""

    file: str
    bytes: int
    hash: str
    records: int


class Step(TypedDict, total=False):
    """A step of the pipeline."""

    step: str
    hash: str
    rows: int | None
    seconds: float | None
    reused: bool


class Lineage(TypedDict, total=False):
    """What the run was made from, and in which steps."""

    inputs: list[Input]
    steps: list[Step]
