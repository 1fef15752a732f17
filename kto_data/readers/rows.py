"""Records of one file to rows."""

import json
from collections import Counter
from typing import Any

from kto_data.readers.columns import ColumnFinder, as_name, as_time
from kto_data.readers.entry import AUTO, ReadEntry
from kto_data.readers.layouts import LAYOUTS, Layout
from kto_data.readers.mapping import suggest_mapping
from kto_data.readers.messages import STORED_KEYS, Message
from kto_data.readers.meta import Shape
from kto_data.readers.record import Defect, Fields, Record
from kto_data.readers.row_ids import RowIds
from kto_data.schema import content_id

_NAMES = ("conversation_id", "model", "finish_reason")


class RowMaker:
    """Makes the rows of one file; their metadata as JSON text, its shape added to the run's.

    Args:
        entry: How the file is to be read.
        source: The name in front of its row ids.
        shape: The shape of the run's metadata.
        ignored: Counts the keys of messages that have no place in a row.
    """

    def __init__(self, entry: ReadEntry, source: str, shape: Shape, ignored: Counter[str]) -> None:
        self._finder = ColumnFinder(entry.columns.model_dump())
        self._mapped = entry.columns.model_fields_set
        self._ids = RowIds(source)
        self._source = source
        self._shape = shape
        self._ignored = ignored
        names = list(LAYOUTS) if entry.format == AUTO else [entry.format]
        self._auto = entry.format == AUTO
        self._layouts: list[Layout] = [LAYOUTS.get(name)() for name in names]

    @property
    def n_repeated_ids(self) -> int:
        """Rows whose record came with an id that another had before."""
        return self._ids.n_repeated

    def columns_not_found(self) -> tuple[str, ...]:
        """Return the keys that the user mapped and that no record had."""
        return tuple(sorted(self._finder.keys[name] for name in self._mapped - self._finder.found))

    def make(self, record: Record) -> tuple[dict[str, Any], int]:
        """Return a record's row, and about how many bytes of text it holds.

        Raises:
            Defect: The record has no usable conversation.
        """
        values = self._finder.find(record.value)
        layout = self._layout(values, record)
        talk = layout.parse(Fields(values, self._finder.keys))
        row: dict[str, Any] = {name: as_name(values.get(name)) for name in _NAMES}
        row["created_at"] = as_time(values.get("created_at"))
        native = as_name(values.get("id"))
        used = {name for name in (*_NAMES, "created_at") if row[name] is not None or name not in values}
        if native is not None or "id" not in values:
            used.add("id")
        meta = self._finder.remainder(record.value, used | layout.uses)
        self._shape.add(meta)
        self._count_ignored(values, layout)
        row |= {
            "row_id": self._ids.take(native, record.number),
            "sample_id": content_id(talk.prompt, talk.completion),
            "prompt_id": content_id(talk.prompt),
            "prompt": talk.prompt,
            "completion": talk.completion,
            "next_turn": talk.next_turn or None,
            "source": self._source,
            "meta": json.dumps(meta, ensure_ascii=False),
        }
        n_bytes = _size(talk.prompt) + _size(talk.completion) + _size(talk.next_turn) + len(row["meta"])
        return row, n_bytes

    def _layout(self, values: dict[str, Any], record: Record) -> Layout:
        if not self._auto:
            return self._layouts[0]
        present = values.keys()
        for layout in self._layouts:
            if layout.fits(present):
                return layout
        keys = self._finder.keys
        shown = ", ".join(map(repr, list(record.value)[:20])) or "none"
        raise Defect(
            "no_conversation",
            f"neither {keys['messages']!r} nor {keys['prompt']!r} and {keys['completion']!r}; its keys are: "
            f"{shown}; {suggest_mapping(record.value.keys())}",
        )

    def _count_ignored(self, values: dict[str, Any], layout: Layout) -> None:
        for name in layout.uses & values.keys():
            messages = values[name]
            for message in messages if isinstance(messages, list) else ():
                if not message.keys() <= STORED_KEYS:
                    self._ignored.update(key for key in message.keys() - STORED_KEYS if message[key])


def _size(messages: list[Message]) -> int:
    return sum(len(message["content"]) for message in messages) + 100 * len(messages)
