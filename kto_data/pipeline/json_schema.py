"""The JSON Schema of a pipeline file, with the plugins that are installed."""

from typing import Any

from kto_trainer.options import TrainOptions

from kto_data.aggregators.method import METHODS
from kto_data.aggregators.policy import Policy
from kto_data.config.descriptions import describe_options
from kto_data.curation.step import STEPS
from kto_data.dataset.data_tests.data_test import DATA_TESTS
from kto_data.pipeline.sections.file import PipelineFile


def pipeline_schema() -> dict[str, Any]:
    """Return the schema: the file's own keys, and those of curation steps, aggregation methods and the trainer."""
    plugins = [*METHODS, *STEPS]
    assert plugins, "asking for their names imports them"
    describe_options()
    schema = PipelineFile.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    properties = schema["properties"]
    properties["prepare"]["items"] = _steps(definitions, labels_available=False)
    properties["curate"]["items"] = _steps(definitions, labels_available=True)
    properties["tests"]["items"] = _tests(definitions)
    properties["aggregate"] = {"anyOf": [_aggregate(definitions, name) for name in METHODS]} | {
        "description": properties["aggregate"].get("description", "")
    }
    train = _hoist(TrainOptions.model_json_schema(), definitions)
    for key in ("seed", "shuffle_labels"):  # the pipeline sets them itself
        train["properties"].pop(key)
    properties["train"] = train | {"description": properties["train"].get("description", "")}
    return schema


def _steps(definitions: dict[str, Any], *, labels_available: bool) -> dict[str, Any]:
    names = [name for name in STEPS if labels_available or not STEPS.get(name).needs_labels]
    forms: list[dict[str, Any]] = [{"enum": names}]
    for name in names:
        step = STEPS.get(name)
        options = _hoist(step.model_json_schema(), definitions)
        if step.shorthand:
            plain = {
                key: value for key, value in options["properties"][step.shorthand].items() if key != "default"
            }
            options = {"anyOf": [options, plain], "description": options.get("description", "")}
        forms.append(_one_key(name, options))
    return {"anyOf": forms}


def _tests(definitions: dict[str, Any]) -> dict[str, Any]:
    forms = [
        _one_key(name, _hoist(DATA_TESTS.get(name).model_json_schema(), definitions)) for name in DATA_TESTS
    ]
    return {"anyOf": [{"enum": list(DATA_TESTS)}, *forms]}


def _one_key(name: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: options},
        "required": [name],
        "additionalProperties": False,
    }


def _aggregate(definitions: dict[str, Any], name: str) -> dict[str, Any]:
    method = _hoist(METHODS.get(name).model_json_schema(), definitions)
    policy = _hoist(Policy.model_json_schema(), definitions)
    keys = {"method": {"const": name}, **method.get("properties", {}), **policy["properties"]}
    return {
        "type": "object",
        "description": method.get("description", ""),
        "properties": keys,
        "additionalProperties": False,
    }


def _hoist(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Move a schema's own definitions to the file's, where its references look for them."""
    definitions.update(schema.pop("$defs", {}))
    return schema
