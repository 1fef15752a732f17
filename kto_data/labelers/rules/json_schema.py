"""The JSON Schema of a rule file, for editors; made from the models and the check types."""

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from kto_data.config.descriptions import describe_options
from kto_data.labelers.rules.checks.check import CHECKS, Check
from kto_data.labelers.rules.file_model import FileOptions, JudgeVote, LoggedVote, RuleOptions, Scope

_CONDITION = {"$ref": "#/$defs/condition"}
_TEMPLATE = {"type": "string", "pattern": r"\{\{.+\}\}"}
_CONDITIONS = {"type": "array", "items": _CONDITION, "minItems": 1}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a rule file.

    >>> schema = json_schema()
    >>> sorted(schema["properties"])[:3], "regex" in schema["$defs"]["condition"]["properties"]
    (['defaults', 'description', 'imports'], True)
    """
    checks = {name: CHECKS.get(name) for name in CHECKS}
    describe_options()
    models: set[type[BaseModel]] = {FileOptions, RuleOptions, LoggedVote, JudgeVote, *checks.values()}
    _, schema = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    )
    definitions = schema["$defs"]
    for kind in set(checks.values()):
        _allow_templates(definitions[kind.__name__])
        if kind.takes_words:
            _allow_lists(definitions[kind.__name__])
    definitions[RuleOptions.__name__]["anyOf"] = [{"required": [key]} for key in ("vote", "assert")]
    definitions["condition"] = _condition(checks, definitions)
    top = definitions.pop(FileOptions.__name__)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": definitions}
    resolved: dict[str, Any] = _resolve(whole)
    return resolved


def _resolve(schema: Any) -> Any:
    """Return the schema with the references that pydantic could not have known, `x-ref`, made real ones."""
    if isinstance(schema, list):
        return [_resolve(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "$ref" if key == "x-ref" else key: f"#/$defs/{value}" if key == "x-ref" else _resolve(value)
        for key, value in schema.items()
    }


def _condition(checks: dict[str, type[Check]], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of `match` and `when`: one check or composition, and perhaps a scope."""
    at_least = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "of": _CONDITIONS},
        "required": ["n", "of"],
        "additionalProperties": False,
    }
    compositions = {"all": _CONDITIONS, "any": _CONDITIONS, "not": _CONDITION, "at_least": at_least}
    forms = {name: _forms(kind, definitions[kind.__name__]) for name, kind in checks.items()}
    negated = {f"not-{name}": form for name, form in forms.items()}
    scope = TypeAdapter(Scope).json_schema()
    return {
        "type": "object",
        "properties": {"scope": scope, "unresolved": {"const": True}, **compositions, **forms, **negated},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 2,
    }


def _forms(kind: type[Check], definition: dict[str, Any]) -> dict[str, Any]:
    """Return the ways to write a check: its options, its short form, or `true` where nothing is needed."""
    options = {"$ref": f"#/$defs/{kind.__name__}"}
    if kind.short is None:
        return {"anyOf": [options, {"const": True}]}
    field = kind.model_fields[kind.short]
    return {"anyOf": [options, definition["properties"][field.alias or kind.short]]}


def _allow_templates(definition: dict[str, Any]) -> None:
    """Let every option come from the row, too: `"{{meta.reference}}"`."""
    for name, schema in definition["properties"].items():
        described = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        plain = {key: value for key, value in schema.items() if key not in described}
        definition["properties"][name] = described | {"anyOf": [plain, _TEMPLATE]}


def _allow_lists(definition: dict[str, Any]) -> None:
    """Let the words come from a list of the file, or from a text file, too."""
    for key, what in (
        ("list", "The name of a list of this file."),
        ("file", "A text file, one word a line."),
    ):
        definition["properties"][key] = {"type": "string", "description": what}
    definition["required"] = [key for key in definition.get("required", []) if key != "values"]
    definition["oneOf"] = [{"required": [key]} for key in ("values", "list", "file")]
