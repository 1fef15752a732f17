"""Rows in groups that a rule's worth may differ between: where they are from, and when they were made."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_SOURCES = 20
OTHERS = "(others)"
_PERIODS = ((92, "M"), (15, "W"), (0, "D"))
"""Days that the rows span at least, and the periods that they are cut into: months, seven days, days."""
_MOST_PERIODS = 24


@dataclass(frozen=True, slots=True)
class Groups:
    """N rows in groups.

    Attributes:
        names: The groups, in order; periods by their first day.
        group_N: The group of each row; -1 for none.
    """

    names: tuple[str, ...]
    group_N: npt.NDArray[np.int16]


def by_source(rows: Path) -> Groups:
    """Return the rows by `source`: the largest sources by name, the rest together; 2 bytes a row."""
    sizes: Counter[str] = Counter()
    for column in _column(rows, "source"):
        sizes.update({one["values"]: one["counts"] for one in column.value_counts().to_pylist()})
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_SOURCES]
    names = sorted(largest) + ([OTHERS] if len(sizes) > MOST_SOURCES else [])
    numbers = pa.array(names)
    found = [
        pc.fill_null(pc.index_in(column, numbers), len(names) - 1).to_numpy().astype(np.int16)
        for column in _column(rows, "source")
    ]
    return Groups(tuple(names), _joined(found))


def by_time(rows: Path) -> Groups:
    """Return the rows by month, seven days or day of `created_at`, whichever gives a handful; none where none has a date."""
    found = [
        column.cast(pa.timestamp("s", "UTC"), safe=False).to_numpy(zero_copy_only=False)
        for column in _column(rows, "created_at")
    ]
    times_N = np.concatenate(found).astype("datetime64[s]") if found else np.zeros(0, dtype="datetime64[s]")
    dated = ~np.isnat(times_N)
    if not dated.any():
        return Groups((), np.full(len(times_N), -1, dtype=np.int16))
    days = (times_N[dated].max() - times_N[dated].min()) / np.timedelta64(1, "D")
    unit = next(unit for least, unit in _PERIODS if days >= least)
    starts, period = np.unique(times_N[dated].astype(f"datetime64[{unit}]"), return_inverse=True)
    width = -(-len(starts) // _MOST_PERIODS)  # several of them together where there are many
    group_N = np.full(len(times_N), -1, dtype=np.int16)
    group_N[dated] = period // width
    return Groups(tuple(str(start.astype("datetime64[D]")) for start in starts[::width]), group_N)


def _column(rows: Path, name: str) -> list[pa.Array]:
    with pq.ParquetFile(rows) as parquet:
        return [batch.column(0) for batch in parquet.iter_batches(65_536, columns=[name], use_threads=False)]


def _joined(parts: list[npt.NDArray[np.int16]]) -> npt.NDArray[np.int16]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
