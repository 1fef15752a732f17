"""The type of a run's metadata, from all of its records, and the conversion of each record to it.

Texts, numbers, true/false, lists of those and nested objects keep their type; whole numbers and
fractions mix to double. Where records disagree otherwise (a number here, a text there), where an
object has too many different keys or is nested too deep, the value is kept as JSON text, and
`json_places` says where and why.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

MAX_KEYS = 256
"""Different keys of one object over a run; with more it is a table of its own (ids as keys), not columns."""

MAX_DEPTH = 8
"""Levels of nesting that become nested columns."""

OTHER_KEYS = "other_keys"
"""The metadata column that holds, as JSON text, the keys of records beyond `MAX_KEYS`."""

_EXACT_AS_DOUBLE = 2**53
_TYPES = {"true/false": pa.bool_(), "int": pa.int64(), "double": pa.float64(), "text": pa.string()}


class Shape:
    """What has been seen at one place of the metadata.

    >>> shape = Shape()
    >>> for meta in ({"thumb": 1, "tags": ["a"]}, {"thumb": "up"}):
    ...     shape.add(meta)
    >>> print(shape.meta_type())
    struct<thumb: string, tags: list<item: string>>
    >>> dict(shape.json_places())
    {'thumb': 'int or text'}
    """

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._kinds: set[str] = set()
        self._fields: dict[str, Shape] = {}
        self._items: Shape | None = None
        self._too_many_keys = False

    def add(self, value: Any) -> None:
        """Take a value into account; null says nothing."""
        if isinstance(value, dict):
            self._kinds.add("object")
            if self._depth < MAX_DEPTH:
                self._add_fields(value)
        elif isinstance(value, list):
            self._kinds.add("list")
            if self._depth < MAX_DEPTH:
                self._items = self._items or Shape(self._depth + 1)
                for item in value:
                    self._items.add(item)
        elif value is not None:
            self._kinds.add(_kind(value))

    def _add_fields(self, value: dict[str, Any]) -> None:
        if self._too_many_keys and self._depth:
            return
        for key, item in value.items():
            field = self._fields.get(key)
            if field is None:
                if len(self._fields) >= MAX_KEYS:
                    self._give_up_fields()
                    if self._depth:
                        return
                    continue
                field = self._fields[key] = Shape(self._depth + 1)
            field.add(item)

    def _give_up_fields(self) -> None:
        self._too_many_keys = True
        if self._depth:  # it becomes JSON text as a whole; the metadata itself keeps the keys it has
            self._fields = {}

    def meta_type(self) -> pa.StructType:
        """Return the type of the metadata as a whole."""
        fields = [pa.field(key, shape.type()) for key, shape in self._fields.items() if key != OTHER_KEYS]
        return pa.struct(
            [*fields, pa.field(OTHER_KEYS, pa.string())] if self._has_others() else self._pairs()
        )

    def type(self) -> pa.DataType:
        """Return the Arrow type of this place."""
        if self._json_reason() is not None:
            return pa.string()
        if "object" in self._kinds:
            return pa.struct(self._pairs())
        if "list" in self._kinds:
            return pa.list_(self._items.type() if self._items else pa.string())
        return _TYPES[self._scalar()] if self._kinds else pa.string()

    def json_places(self, path: str = "") -> Iterator[tuple[str, str]]:
        """Yield each place whose values become JSON text, with the reason."""
        reason = self._json_reason() if path else None
        if reason is not None:
            yield path, reason
            return
        if not path and self._has_others():
            yield OTHER_KEYS, f"more than {MAX_KEYS} different keys"
        for key, shape in self._fields.items():
            yield from shape.json_places(f"{path}.{key}" if path else key)
        if self._items is not None:
            yield from self._items.json_places(f"{path}[]")

    def meta_converter(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return the function that makes a record's metadata fit `meta_type`."""
        convert = self._struct_converter()
        if not self._has_others():
            return convert
        known = set(self._fields) - {OTHER_KEYS}

        def convert_with_others(meta: dict[str, Any]) -> dict[str, Any]:
            others = {key: value for key, value in meta.items() if key not in known}
            mine = convert({key: meta[key] for key in meta if key in known})
            return {**mine, OTHER_KEYS: _dump(others) if others else None}

        return convert_with_others

    def converter(self) -> Callable[[Any], Any]:
        """Return the function that makes a value fit `type`; nulls stay."""
        if self._json_reason() is not None:
            return lambda value: None if value is None else _dump(value)
        if "object" in self._kinds:
            convert = self._struct_converter()
            return lambda value: None if value is None else convert(value)
        if "list" in self._kinds and self._items is not None:
            item = self._items.converter()
            return lambda value: None if value is None else [item(each) for each in value]
        if self._kinds and self._scalar() == "double":
            return lambda value: None if value is None else float(value)
        return lambda value: value

    def _struct_converter(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        converters = {key: shape.converter() for key, shape in self._fields.items()}
        return lambda value: {key: converters[key](item) for key, item in value.items() if key in converters}

    def _pairs(self) -> list[pa.Field]:
        return [pa.field(key, shape.type()) for key, shape in self._fields.items()]

    def _has_others(self) -> bool:
        return self._depth == 0 and self._too_many_keys

    def _scalar(self) -> str:
        """Return the one kind of number or text that all the kinds fit."""
        if self._kinds <= {"int", "large int"}:
            return "int"
        return "double" if self._kinds == {"int", "double"} else next(iter(self._kinds))

    def _json_reason(self) -> str | None:
        nested = self._kinds & {"object", "list"}
        if nested and self._depth >= MAX_DEPTH:
            return f"nested more than {MAX_DEPTH} deep"
        if self._kinds == {"object"}:
            if self._too_many_keys:
                return f"more than {MAX_KEYS} different keys"
            return None if self._fields else "objects without keys"
        mixes = ({"int", "large int"}, {"int", "double"})
        if self._kinds == {"beyond 64 bits"} or (len(self._kinds) > 1 and self._kinds not in mixes):
            return " or ".join(sorted(self._kinds))
        return None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int):
        if -_EXACT_AS_DOUBLE <= value <= _EXACT_AS_DOUBLE:
            return "int"
        return "large int" if -(2**63) <= value < 2**63 else "beyond 64 bits"
    return "double" if isinstance(value, float) else "text"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
