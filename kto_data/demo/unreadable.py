"""Lines that no reader can use: what every real log has a few of."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Record = Mapping[str, Any]  # a log record, as json knows it


def _dump(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def _cut_in_the_middle(record: Record) -> bytes:
    line = _dump(record)
    return line[: len(line) * 3 // 5]


def _not_json(record: Record) -> bytes:
    return f"{record['created_at']} WARN worker 3 restarted".encode()


def _invalid_utf8(record: Record) -> bytes:
    return _dump(record).replace(b'"content": "', b'"content": "\xff\xfe\xc3 ', 1)


def _no_answer(record: Record) -> bytes:
    # an earlier answer would make a row of it
    return _dump({**record, "messages": [turn for turn in record["messages"] if turn["role"] != "assistant"]})


def _number_as_content(record: Record) -> bytes:
    return _dump({**record, "messages": [*record["messages"][:-1], {"role": "assistant", "content": 42}]})


def _list_of_records(record: Record) -> bytes:
    return b"[" + _dump(record) + b"]"


SPOILERS: tuple[Callable[[Record], bytes], ...] = (
    _cut_in_the_middle,
    _not_json,
    _invalid_utf8,
    _no_answer,
    _number_as_content,
    _list_of_records,
)
"""Ways to make a record unreadable, each giving a line without its end."""
