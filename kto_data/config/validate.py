"""Plain data against a pydantic model, with every mistake as `file:line: key.path: what is wrong`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, Mistake, did_you_mean


class Options(BaseModel):
    """What a user writes in YAML: frozen, and an unknown key is an error; `descriptions.py` reads the texts under keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, strict=False)


M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], data: Any, file: YamlFile, path: KeyPath = ()) -> M:
    """Return `data` as a model.

    Args:
        model: The pydantic model.
        data: The plain data at `path` of the file.
        file: The file that the data came from, for names and lines.
        path: Where in the file the data stands.

    Raises:
        ConfigError: With every mistake in the data.
    """
    if not isinstance(data, Mapping):
        raise ConfigError([file.mistake(path, f"must be a mapping of keys to values, not {_kind(data)}")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_mistakes(error, model, file, path)) from None


def _mistakes(
    error: ValidationError, model: type[BaseModel], file: YamlFile, path: KeyPath
) -> Iterator[Mistake]:
    for detail in error.errors(include_url=False):
        location: KeyPath = (*path, *detail["loc"])
        yield file.mistake(location, _explain(detail, model))


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        name = str(detail["loc"][-1])
        return f"unknown key{did_you_mean(name, _fields_at(model, detail['loc'][:-1]))}"
    if kind == "missing":
        return "is missing"
    context = detail.get("ctx", {})
    if kind == "literal_error" and isinstance(given, str):
        known = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return (
            f"{given!r} is not one of {', '.join(known)}{did_you_mean(given, known).partition('; known')[0]}"
        )
    if kind == "value_error":
        return str(context["error"])
    wanted = re.sub(r"^\w+ should ", "", detail["msg"])  # "Input should be ...", "String should match ..."
    return f"should {wanted}, not {_shown(given)}"


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are allowed where an unknown one was found."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None:
            return []
        info = current.model_fields.get(str(part)) if isinstance(part, str) else None
        if info is not None:
            current = _model_in(info.annotation)
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first model inside an annotation such as `list[Rule] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _kind(value: Any) -> str:
    names: dict[type, str] = {
        list: "a list",
        str: "a text",
        int: "a number",
        float: "a number",
        bool: "true or false",
    }
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
