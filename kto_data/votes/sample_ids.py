"""The ids of many samples, held as Arrow holds them: a Python text for each would take three times the memory."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_PER_CHUNK = 65_536


class SampleIds(Sequence[str]):
    """Ids, in order; equal to any sequence of the same texts.

    >>> ids = SampleIds(pa.array(["a", "b"]))
    >>> ids[1], list(ids), ids == ["a", "b"]
    ('b', ['a', 'b'], True)
    """

    __hash__ = None  # type: ignore[assignment]  # a sequence that equals lists cannot have a hash

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "SampleIds": ...
    def __getitem__(self, index: int | slice) -> "str | SampleIds":
        if isinstance(index, slice):
            return SampleIds(self._array[index])
        text: str = self._array[index].as_py()
        return text

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._array), _PER_CHUNK):
            yield from self._array.slice(start, _PER_CHUNK).to_pylist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SampleIds):
            return bool(self._array.equals(other.as_arrow()))
        return isinstance(other, Sequence) and list(self) == list(other)

    def as_arrow(self) -> pa.Array:
        """Return them as an Arrow array of texts."""
        return self._array


def as_arrow(ids: Sequence[str]) -> pa.Array:
    """Return ids as an Arrow array, without a copy where they are one already."""
    return ids.as_arrow() if isinstance(ids, SampleIds) else pa.array(list(ids), type=pa.string())


def positions(ids: Sequence[str], wanted: pa.Array) -> npt.NDArray[np.int64]:
    """Return where each wanted id stands among the ids; -1 where it does not.

    >>> positions(["a", "b"], pa.array(["b", "x"])).tolist()
    [1, -1]
    """
    found = pc.index_in(wanted, value_set=as_arrow(ids))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
