"""The JSON Schema of judge files knows what the reader knows."""

import pytest
from jsonschema import Draft202012Validator

from kto_data.labelers.judges.json_schema import judge_schema

GOOD = {
    "version": 1,
    "id": "a",
    "model": "m",
    "backend": {"openai": {"base_url": "http://h/v1"}},
    "when": {"unresolved": True},
}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"backend": "anthropic", "when": {"all": [{"contains": "x"}]}}, True),
        ({"backend": "opnai"}, False),
        ({"backend": {"openai": {"url": "x"}}}, False),
        ({"promt": "x"}, False),
        ({"output": {"schema": {"type": "object"}}}, True),
    ],
)
def test_it_takes_what_the_reader_takes(change, fits):
    schema = judge_schema()
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(GOOD | change) == fits
