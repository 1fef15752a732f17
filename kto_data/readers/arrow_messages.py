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
Bytes = npt.NDArray[np.uint8]
Edges = npt.NDArray[np.int32]
_TEXTS_AT_ONCE = 512
"""Bounds the memory of escaping."""


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
        self._text, self._ends = _text(self._contents)
        self.usual, self.answers = self._checked(array)

    def _checked(self, array: pa.Array) -> tuple[Bools, Bools]:
        valid = np.asarray(pc.and_(self._contents.is_valid(), self._present))
        says = _visible(self._text, self._ends) & valid
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
        contents = _escaped(self._text, self._ends)
        if self._is_text:
            end = f'","role":"{self._role}"}}'.encode()
            for content in contents:
                yield b'{"content":"' + content + end
            return
        roles = [f'","role":"{role}"}}'.encode() for role in self._roles.to_pylist()]
        whole = [b'{"content":"' + content + role for content, role in zip(contents, roles, strict=True)]
        for start, stop in pairwise(self._edges.tolist()):
            yield b",".join(whole[start:stop])


def _text(array: pa.Array) -> tuple[Bytes, Edges]:
    """Return the texts of an array one after the other, and where each begins and the last ends."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return np.zeros(0, dtype=np.uint8), np.zeros(len(array) + 1, dtype=np.int32)
    ends = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]], ends - ends[0]


def _small(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


def _visible(text: Bytes, ends: Edges) -> Bools:
    """Return which texts say something; those that begin with a space or a rare character are looked at."""
    starts, lengths = ends[:-1], np.diff(ends)
    found = np.zeros(len(starts), dtype=bool)
    there = np.flatnonzero(lengths > 0)
    first = text[starts[there]]
    found[there] = (first > 32) & (first < 127)
    for place in there[~found[there]].tolist():
        found[place] = bool(str(text[ends[place] : ends[place + 1]].data, "utf-8", "replace").strip())
    return found


def _escaped(text: Bytes, ends: Edges) -> Iterator[bytes]:
    """Yield texts as JSON has them between its quotes: many are escaped at once, then cut."""
    for start in range(0, len(ends) - 1, _TEXTS_AT_ONCE):
        edges = ends[start : start + _TEXTS_AT_ONCE + 1]
        yield from _escaped_part(text[edges[0] : edges[-1]], edges - edges[0])


def _escaped_part(text: Bytes, ends: Edges) -> list[bytes]:
    places = np.flatnonzero((text < 32) | (text == ord('"')) | (text == ord("\\")))
    is_mark = (text[places] >= 32) | (text[places] == ord("\n"))
    marks = places[is_mark]
    whole = text.tobytes().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    cuts = (ends + np.searchsorted(marks, ends)).tolist()  # each mark has become a byte longer
    found = [whole[start:stop] for start, stop in pairwise(cuts)]
    # other control characters are rare, and left to the library
    for place in np.unique(np.searchsorted(ends, places[~is_mark], side="right") - 1).tolist():
        content = str(text[ends[place] : ends[place + 1]].data, "utf-8")
        found[place] = json.dumps(content, ensure_ascii=False)[1:-1].encode()
    return found
