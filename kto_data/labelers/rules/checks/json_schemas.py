"""JSON Schemas in options: written in the rule file or in a file beside it, and checked when they are read.

A text cannot make the check slow or send it anywhere: patterns run in RE2, and a schema refers to nothing
outside itself.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import re2
from pydantic import BeforeValidator, WithJsonSchema

from kto_data.config.yaml_file import KeyPath, parse_yaml
from kto_data.labelers.rules.limits import RowError

if TYPE_CHECKING:
    from kto_data.labelers.rules.sources import Sources


def from_file(value: Any, sources: "Sources", path: KeyPath) -> Any:
    """Return an option that may be `{file: PATH}` with what is in that JSON or YAML file in its place."""
    if not isinstance(value, Mapping) or set(value) != {"file"}:
        return value
    name = value["file"]
    text = sources.read_text(name, (*path, "file"))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return parse_yaml(text, name=str(name), folder=sources.folder).data


def _checked(schema: Any) -> str:
    """Return a sound JSON Schema as JSON text.

    Raises:
        ValueError: It is no JSON Schema, has a pattern that RE2 cannot read, or refers to another file.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if isinstance(schema, str):
        schema = json.loads(schema)
    if not isinstance(schema, bool | Mapping):
        raise ValueError(f"should be a JSON Schema or {{file: PATH}}, not {schema!r}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(f"is no JSON Schema: {place}: {error.message}"[:300]) from None
    for keyword, value in _keywords(schema):
        if keyword == "$ref" and isinstance(value, str) and not value.startswith("#"):
            raise ValueError(
                f"refers to {value!r}, and only references inside the schema (#/$defs/...) are read"
            )
        patterns = [value] if keyword == "pattern" else list(value) if keyword == "patternProperties" else []
        for pattern in patterns:
            _compiled(pattern)
    return json.dumps(schema, sort_keys=True, ensure_ascii=False)


Schema = Annotated[str, BeforeValidator(_checked), WithJsonSchema({"type": ["object", "boolean"]})]
"""A JSON Schema as an option, kept as JSON text."""


def violation(schema: str, value: Any) -> str | None:
    """Return how a value breaks a schema, None if it fits.

    >>> violation('{"required": ["a"]}', {"b": 1})
    "'a' is a required property"
    """
    try:
        error = next(_validator(schema).iter_errors(value), None)
    except RecursionError:
        raise RowError("the JSON is nested too deeply for its schema") from None
    if error is None:
        return None
    place = ".".join(str(part) for part in error.absolute_path)
    return (f"{place}: {error.message}" if place else str(error.message))[:200]


def loads(text: str) -> Any:
    """Return the value of a JSON text; NaN and Infinity are not JSON, and numbers may have any length.

    Raises:
        ValueError: It is not JSON.
        RowError: It is nested too deeply to read.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except RecursionError:
        raise RowError("the JSON is nested too deeply to read") from None


def decoder() -> json.JSONDecoder:
    """Return what reads one value out of a longer text, by the same rules as `loads`."""
    return json.JSONDecoder(parse_constant=_refuse, parse_int=_whole)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int | float:
    # Python refuses to read numbers of many thousand digits, which are JSON all the same.
    return int(digits) if len(digits) < 1000 else float(digits)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    kind = extend(
        Draft202012Validator,
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
        },
    )
    return kind(json.loads(schema), registry=Registry())


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance[:60]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
    for name, value in instance.items() if isinstance(instance, dict) else ():
        for pattern, part in patterns.items():
            if _compiled(pattern).search(name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, part: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    patterns = schema.get("patternProperties", ())
    for name, value in instance.items() if isinstance(instance, dict) else ():
        if name in schema.get("properties", ()) or any(_compiled(one).search(name) for one in patterns):
            continue
        if part is False:
            yield ValidationError(f"the property {name[:60]!r} is not allowed")
        else:
            yield from validator.descend(value, part, path=name)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"has a pattern that RE2 cannot read: {pattern!r} ({error})") from None


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of a schema with its value, those of its parts too."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield key, value
            if key not in ("const", "enum", "default", "examples"):
                yield from _keywords(value)
    elif isinstance(schema, list):
        for part in schema:
            yield from _keywords(part)
