"""The JSON Schema of pipeline files says what the pipeline itself says."""

import copy

import pytest

from kto_data.config.yaml_file import load_yaml
from kto_data.pipeline.json_schema import pipeline_schema
from kto_data.pipeline.shipped import shipped_pipeline


@pytest.fixture(scope="module")
def errors():
    """The mistakes that an editor would show in a pipeline file."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = pipeline_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda data: [error.message for error in validator.iter_errors(data)]


@pytest.fixture
def quickstart():
    return copy.deepcopy(load_yaml(shipped_pipeline("quickstart")).data)


@pytest.mark.parametrize("name", ["quickstart", "xstest", "truthfulqa"])
def test_shipped_pipelines_fit(errors, name):
    assert errors(load_yaml(shipped_pipeline(name)).data) == []


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("demo_log",),
        ("label",),
        ("label", "feedback", "thumbs"),
        ("aggregate",),
        ("split",),
        ("balance",),
        ("train",),
        ("evaluate",),
        ("limits",),
    ],
)
def test_an_unknown_key_is_a_mistake_at_every_depth(errors, quickstart, path):
    part = quickstart
    for key in path:
        part = part.setdefault(key, {})
    part["unheard_of"] = 1
    assert errors(quickstart)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prepare", ["contradictions"]),  # needs labels
        ("prepare", [{"length": {"max_char": 5}}]),
        ("curate", ["unheard_of"]),
        ("aggregate", {"method": "unheard_of"}),
        ("train", {"seed": 3}),  # the pipeline sets it
        ("version", 2),
        ("label", None),
    ],
)
def test_a_wrong_value_is_a_mistake(errors, quickstart, key, value):
    assert errors(quickstart | {key: value})


def test_every_key_is_described():
    schema = pipeline_schema()
    undescribed = [
        name
        for name, content in schema["properties"].items()
        if not content.get("description") and "$ref" not in content
    ]
    assert undescribed == []
