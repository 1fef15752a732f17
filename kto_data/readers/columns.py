"""A record's keys by our names, and what remains as its metadata."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?[0-9]{9,}(\.[0-9]+)?")


class ColumnFinder:
    """Finds our names in the records of one file.

    Args:
        keys: What a record calls each of our names. A key with dots is a path into nested objects,
            unless the record has a key that is spelt so.

    Attributes:
        keys: The same.
        found: Those of our names that some record had.
    """

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = keys
        self.found: set[str] = set()

    def find(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return what a record has by our names, nulls left out."""
        values = {}
        for name, key in self.keys.items():
            value = record[key] if key in record else _nested(record, key) if "." in key else None
            if value is not None:
                values[name] = value
        self.found.update(values)
        return values

    def remainder(self, record: dict[str, Any], used: Iterable[str]) -> dict[str, Any]:
        """Return a record without the keys of these of our names."""
        keys = [self.keys[name] for name in used]
        rest = record.copy()
        for key in keys:
            if key in rest:
                del rest[key]
            elif "." in key:
                rest = _without(rest, key.split("."))
        return rest


def _nested(record: dict[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _without(record: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Return a copy without a nested key, and without an object that this leaves empty."""
    first, *rest = path
    if first not in record:
        return record
    copy = record.copy()
    inner = copy.pop(first)
    if rest and isinstance(inner, dict):
        kept = _without(inner, rest)
        if kept:
            copy[first] = kept
    elif rest:
        copy[first] = inner
    return copy


def as_name(value: Any) -> str | None:
    """Return a text or a whole number as a text, or None: then the value belongs to the metadata.

    >>> as_name(17), as_name("gpt"), as_name(True), as_name("")
    ('17', 'gpt', None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def as_time(value: Any) -> datetime | None:
    """Return ISO text or a Unix time in seconds (or milli-, micro-, nanoseconds) as UTC; else None.

    A time without a zone is taken as UTC. The unit of a number follows from its size: seconds up
    to the year 5138.

    >>> as_time("2026-03-02T07:00:00+01:00") == as_time(1772431200) == as_time(1772431200000)
    True
    """
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return _from_iso(value)
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for scale in (1, 10**3, 10**6, 10**9):
        if abs(value) < 10**11 * scale:
            try:
                return _EPOCH + timedelta(microseconds=round(value * 10**6 / scale))
            except OverflowError:  # a year after 9999 or before 1
                return None
    return None  # also NaN


def _from_iso(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
