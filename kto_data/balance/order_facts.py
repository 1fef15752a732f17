"""What an order of rows does to a trainer that reads them in that order."""

from dataclasses import dataclass

import numpy as np

from kto_data.balance.mixed import Bools, Keys, repeats

BATCH_SIZES = (2, 4, 8, 16, 32)
"""Batches that people train KTO with: per device, and in all."""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order of n rows, seen in batches cut from the first row on, and in windows of B rows wherever they begin.

    Attributes:
        batch_rows: B.
        n_rows: n.
        window_desirable: The fewest and the most desirable rows of any window; None without rows.
        expected_desirable: B n_desirable / n: what a window holds on average.
        n_repeated_prompts: Rows with their prompt among the B - 1 rows before them.
        n_repeated_completions: The same for equal completions.
        longest_run: The most rows of one label in a row.
        single_label_batches: For each batch size the share of its full batches that hold one label only.
        last_batch_rows: Rows of the last batch of B; 0 if it is full. One alone is its own mismatched pair.
    """

    batch_rows: int
    n_rows: int
    window_desirable: tuple[int, int] | None
    expected_desirable: float
    n_repeated_prompts: int
    n_repeated_completions: int
    longest_run: int
    single_label_batches: dict[int, float]
    last_batch_rows: int


def order_facts(desirable: Bools, keys: Keys, *, batch_rows: int) -> OrderFacts:
    """Return what a sequence of rows is like; all arrays are in the order of the rows, [n].

    >>> label = np.array([True, True, True, False])
    >>> facts = order_facts(label, Keys(np.array([0, 0, 1, 2]), np.arange(4)), batch_rows=2)
    >>> facts.window_desirable, facts.n_repeated_prompts, facts.longest_run, facts.single_label_batches[2]
    ((1, 2), 1, 3, 0.5)
    """
    n = len(desirable)
    width = min(batch_rows, n)
    sums = np.concatenate([[0], np.cumsum(desirable)])
    windows = sums[width:] - sums[: n + 1 - width]
    return OrderFacts(
        batch_rows=batch_rows,
        n_rows=n,
        window_desirable=(int(windows.min()), int(windows.max())) if n else None,
        expected_desirable=width * float(desirable.mean()) if n else 0.0,
        n_repeated_prompts=int(repeats(keys.prompts, batch_rows).sum()),
        n_repeated_completions=int(repeats(keys.completions, batch_rows).sum()),
        longest_run=_longest_run(desirable),
        single_label_batches={size: _single_label(desirable, size) for size in BATCH_SIZES if size <= n},
        last_batch_rows=n % batch_rows,
    )


def _longest_run(desirable: Bools) -> int:
    borders = np.flatnonzero(np.diff(desirable)) + 1
    ends = np.concatenate([[0], borders, [len(desirable)]])
    return int(np.diff(ends).max())


def _single_label(desirable: Bools, size: int) -> float:
    batches = desirable[: len(desirable) // size * size].reshape(-1, size)
    return float((batches.all(axis=1) | ~batches.any(axis=1)).mean())


def in_words(facts: OrderFacts) -> str:
    """Return in a sentence or two what holds for any B consecutive rows, and how often it does not."""
    if facts.window_desirable is None:
        return "No rows."
    low, high = facts.window_desirable
    many = f"{low}" if low == high else f"{low} to {high}"
    words = (
        f"Any {min(facts.batch_rows, facts.n_rows):,} consecutive rows hold {many} desirable ones "
        f"({facts.expected_desirable:.3g} on average)"
    )
    exceptions = [
        f"{count:,} rows have {what} among the {facts.batch_rows - 1} rows before them"
        for count, what in (
            (facts.n_repeated_prompts, "their prompt"),
            (facts.n_repeated_completions, "an equal completion"),
        )
        if count
    ]
    if not exceptions:
        words += ", and no prompt or completion twice"
    else:
        words += "; " + " and ".join(exceptions)
    if facts.last_batch_rows == 1:
        words += "; the last batch holds a single row"
    return words + "."
