"""The JSON Schema of a judge file, for editors; made from the models, the backends and the check types."""

from typing import Any

from kto_data.labelers.judges.backends.backend import BACKENDS
from kto_data.labelers.judges.file_model import JudgeOptions
from kto_data.labelers.rules.json_schema import json_schema


def judge_schema() -> dict[str, Any]:
    """Return the JSON Schema of a judge file.

    >>> schema = judge_schema()
    >>> "openai" in str(schema["properties"]["backend"]), "regex" in schema["$defs"]["condition"]["properties"]
    (True, True)
    """
    schema = JudgeOptions.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for name, definition in json_schema()["$defs"].items():  # `when` is a condition of the rule language
        definitions.setdefault(name, definition)
    told = schema["properties"]["when"].get("description", "")
    schema["properties"]["when"] = {"$ref": "#/$defs/condition", "description": told}
    forms: list[dict[str, Any]] = [{"enum": list(BACKENDS)}]
    for name in BACKENDS:
        options = BACKENDS.get(name).model_json_schema()
        definitions.update(options.pop("$defs", {}))
        properties = {name: {"anyOf": [options, {"type": "null"}]}}
        forms.append(
            {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}
        )
    schema["properties"]["backend"] = {
        "anyOf": forms,
        "description": schema["properties"]["backend"].get("description", ""),
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
