"""Columns of prompts and completions, as texts or as lists of messages, checked and converted as a whole."""

import json
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kto_data.readers.messages import ROLES
from kto_data.schema import MESSAGES

Bools = npt.NDArray[np.bool_]


class MessageColumn:
    """A column of prompts or completions: texts, or lists of messages.

    Attributes:
        usual: Where nothing is missing, every role is known, and some message says something.
        answers: Where a message of an assistant says something; for prompts, the same as `usual`.
    """

    def __init__(self, array: pa.Array, role: str) -> None:
        self._n = len(array)
        self._role = role
        self._is_text = not pa.types.is_list(array.type)
        if self._is_text:
            self._contents, self._edges = _small(array), np.arange(self._n + 1, dtype=np.int32)
            self._present = array.is_valid()
        else:
            offsets = np.asarray(array.offsets)
            messages = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
            self._contents = _small(messages.field("content"))
            self._present = messages.is_valid()
            self._edges = (offsets - offsets[0]).astype(np.int32)
            self._roles = _small(messages.field("role"))
        self._views = _views(self._contents)
        self.usual, self.answers = self._checked(array)

    def _checked(self, array: pa.Array) -> tuple[Bools, Bools]:
        valid = np.asarray(pc.and_(self._contents.is_valid(), self._present))
        says = np.fromiter(map(_is_visible, self._views), dtype=bool, count=len(self._views)) & valid
        if self._is_text:
            return valid & says, np.ones(self._n, dtype=bool)
        roles = pc.is_in(self._roles, value_set=pa.array(ROLES))
        valid &= np.asarray(roles)
        assistant = np.asarray(pc.equal(self._roles, "assistant").fill_null(False))
        usual = np.asarray(array.is_valid()) & (self._each(~valid) == 0) & (self._each(says) > 0)
        return usual, self._each(says & assistant) > 0 if self._role == "assistant" else usual

    def _each(self, marks: Bools) -> npt.NDArray[np.int64]:
        before = np.concatenate([[0], np.cumsum(marks)])
        return np.diff(before[self._edges])

    def messages(self) -> pa.Array:
        """Return the column as conversations."""
        roles = pa.repeat(pa.scalar(self._role), self._n) if self._is_text else self._roles
        nulls = pa.nulls(len(self._contents), pa.string())
        children = [roles, self._contents, nulls, nulls, nulls]
        structs = pa.StructArray.from_arrays(children, fields=list(MESSAGES.value_type))
        return pa.ListArray.from_arrays(pa.array(self._edges), structs).cast(MESSAGES)

    def canonical(self) -> Iterator[bytes]:
        """Yield each conversation as the canonical JSON of its messages, as `content_id` has it."""
        odd = _odd_controls(self._contents)
        if self._is_text:
            end = f'","role":"{self._role}"}}'.encode()
            for place, view in enumerate(self._views):
                yield b'{"content":"' + _escaped(view, place in odd) + end
            return
        roles = [f'","role":"{role}"}}'.encode() for role in self._roles.to_pylist()]
        whole = [
            b'{"content":"' + _escaped(view, place in odd) + roles[place]
            for place, view in enumerate(self._views)
        ]
        edges = self._edges.tolist()
        for start, end_ in pairwise(edges):
            yield b",".join(whole[start:end_])


def _views(array: pa.Array) -> list[memoryview]:
    _, offsets, data = array.buffers()
    if not len(array):
        return []
    edges = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    return [view[start:end] for start, end in pairwise(edges)]


def _small(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


def _is_visible(view: memoryview) -> bool:
    """Whether a text surely says something; that of one that begins with a space or a rare character is looked at."""
    if len(view) and 32 < view[0] < 127:
        return True
    return bool(str(view, "utf-8", "replace").strip())


def _odd_controls(array: pa.Array) -> set[int]:
    """Return the places of the texts with control characters other than line ends."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return set()
    edges = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, dtype=np.uint8)[edges[0] : edges[-1]]
    odd = np.flatnonzero((text < 32) & (text != 10)) + edges[0]
    return set((np.searchsorted(edges, odd, side="right") - 1).tolist())


def _escaped(view: memoryview, odd: bool) -> bytes:
    """Return a text as JSON has it between its quotes."""
    if odd:
        return json.dumps(str(view, "utf-8"), ensure_ascii=False)[1:-1].encode()
    return bytes(view).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
