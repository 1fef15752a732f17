"""promptfoo's `assert:` lists as conditions."""

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kto_data.config.yaml_file import KeyPath
from kto_data.errors import ConfigError, did_you_mean
from kto_data.labelers.rules.conditions import AtLeast, Condition, Not

if TYPE_CHECKING:
    from kto_data.labelers.rules.conditions_file import ConditionReader

_KEYS = ("type", "value", "threshold", "weight", "metric", "provider", "assert", "config", "transform")
_WORDS = ("contains-any", "contains-all", "icontains-any", "icontains-all")
_MEASURES = ("levenshtein", "rouge-n", "bleu", "gleu", "similar")
_FILE = "file://"


def read_assertions(
    reader: "ConditionReader", data: Any, path: KeyPath, scope: str
) -> tuple[Condition, ...] | None:
    """Return promptfoo's assertions as conditions, each holding where the assertion passes; None after a mistake.

    Assertions keep their `value`, `threshold` and `not-`; a `metric` is a name and says nothing here, and
    so does a `weight`, since all have to pass. An `assert-set` with a threshold counts those that pass.
    """
    if not isinstance(data, list) or not data:
        reader.note(path, "should be a list of promptfoo's assertions, each with its `type`")
        return None
    parts = [_assertion(reader, one, (*path, index), scope) for index, one in enumerate(data)]
    read = tuple(part for part in parts if part is not None)
    return read if len(read) == len(parts) else None


def _assertion(reader: "ConditionReader", data: Any, path: KeyPath, scope: str) -> Condition | None:
    if not isinstance(data, Mapping) or not isinstance(data.get("type"), str):
        reader.note(path, "should be an assertion such as {type: contains, value: refund}")
        return None
    problems = list(_problems(data))
    for key, problem in problems:
        reader.note((*path, key), problem)
    if problems:
        return None
    kind = data["type"]
    if kind == "assert-set":
        return _set(reader, data, path, scope)
    name = kind.removeprefix("not-")
    try:
        check, options = _converted(reader, name, data, path)
    except ConfigError as error:
        reader.mistakes += error.mistakes
        return None
    part: Condition | None = reader.leaf(check, options, (*path, "value") if "value" in data else path, scope)
    negated = kind.startswith("not-") != (
        name == "moderation"
    )  # promptfoo's moderation passes what is not flagged
    return Not(part) if part and negated else part


def _problems(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(key, f"unknown key{did_you_mean(key, _KEYS)}") for key in data if key not in _KEYS]
    weight = data.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        found.append(("weight", f"should be a number above 0, not {weight!r}"))
    elif weight == 0:
        found.append(("weight", "0 lets the assertion pass whatever it finds; leave the assertion out"))
    if "transform" in data:
        found.append(("transform", "is code of another language; choose a `scope`, or use `python`"))
    return found


def _set(reader: "ConditionReader", data: Mapping[str, Any], path: KeyPath, scope: str) -> Condition | None:
    parts = read_assertions(reader, data.get("assert"), (*path, "assert"), scope)
    if parts is None:
        return None
    threshold = data.get("threshold", 1)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        reader.note((*path, "threshold"), f"should be a number above 0, at most 1, not {threshold!r}")
        return None
    weights = {one.get("weight", 1) for one in data["assert"]}
    if threshold < 1 and len(weights) > 1:
        reader.note(
            (*path, "threshold"), "counts the assertions that pass, so they cannot differ in `weight`"
        )
        return None
    return AtLeast(math.ceil(threshold * len(parts) - 1e-9), parts)


def _converted(
    reader: "ConditionReader", name: str, data: Mapping[str, Any], path: KeyPath
) -> tuple[str, Any]:
    """Return an assertion as a check's name and its options."""
    value = data.get("value")
    threshold = {"threshold": data["threshold"]} if "threshold" in data else {}
    if name in _WORDS:
        return name, _words(value)
    if name in _MEASURES:
        return name, {"value": value, **threshold, **_model(data)}
    convert = _CONVERTERS.get(name)
    if convert:
        return name, convert(value, data)
    if name == "equals":
        return _equals(reader, value, path)
    if name in ("is-json", "contains-json"):
        return name, _schema(reader, value, path)
    if name in ("contains", "icontains", "starts-with", "ends-with"):
        return name, str(value) if isinstance(value, int | float) else value
    return name, True if value is None else value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return (
            {"file": value.removeprefix(_FILE)}
            if value.startswith(_FILE)
            else [word.strip() for word in value.split(",")]
        )
    return (
        [str(word) if isinstance(word, int | float) else word for word in value]
        if isinstance(value, list)
        else value
    )


def _equals(reader: "ConditionReader", value: Any, path: KeyPath) -> tuple[str, Any]:
    if isinstance(value, str) and value.startswith(_FILE):
        text = reader.sources.read_text(value.removeprefix(_FILE), (*path, "value")).strip()
        try:
            return "is-json", {"schema": {"const": json.loads(text)}}
        except ValueError:
            return "equals", text
    if isinstance(value, Mapping | list):
        return "is-json", {"schema": {"const": value}}
    return "equals", str(value) if isinstance(value, int | float) else value


def _schema(reader: "ConditionReader", value: Any, path: KeyPath) -> Any:
    if value in (None, ""):
        return True
    if isinstance(value, str) and value.startswith(_FILE):
        return {"schema": {"file": value.removeprefix(_FILE)}}
    if isinstance(value, str):
        try:
            return {"schema": json.loads(value)}
        except ValueError:
            raise reader.sources.mistake(
                (*path, "value"), "should be a JSON Schema, or file://PATH of one"
            ) from None
    return {"schema": value}


def _elements(value: Any, data: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping) and set(value) <= {"requiredElements"}:
        value = value.get("requiredElements")
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",")]
    return {"required_elements": value} if value else True


def _sql(value: Any, data: Mapping[str, Any]) -> Any:
    renamed = {
        "databaseType": "dialect",
        "allowedTables": "allowed_tables",
        "allowedColumns": "allowed_columns",
    }
    return (
        {renamed.get(key, key): given for key, given in value.items()} if isinstance(value, Mapping) else True
    )


def _words_between(value: Any, data: Mapping[str, Any]) -> Any:
    return {"min": value, "max": value} if isinstance(value, int) else value


def _tool_names(value: Any, data: Mapping[str, Any]) -> Any:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    return {"value": names, "threshold": data.get("threshold", 1)}


def _model(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model that a provider stands for, where it is one that can run here."""
    provider = data.get("provider")
    if not isinstance(provider, str):
        return {}
    return {"model": provider.removeprefix("huggingface:").partition(":")[2] or provider}


def _classifier(value: Any, data: Mapping[str, Any]) -> Any:
    return {"label": value, "threshold": data.get("threshold", 0.5), **_model(data)}


def _moderation(value: Any, data: Mapping[str, Any]) -> Any:
    return ({"labels": value} if value else {}) | _model(data)


def _python(value: Any, data: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith(_FILE):
        file, _, function = value.removeprefix(_FILE).partition(":")
        return {"ref": f"{file}:{function or 'get_assert'}"}
    return {"ref": value}


_CONVERTERS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "is-xml": _elements,
    "contains-xml": _elements,
    "is-sql": _sql,
    "contains-sql": _sql,
    "word-count": _words_between,
    "tool-call-f1": _tool_names,
    "classifier": _classifier,
    "moderation": _moderation,
    "perplexity": lambda value, data: {"max": data.get("threshold", value), **_model(data)},
    "is-refusal": lambda value, data: {"strength": "soft"},
    "python": _python,
}
