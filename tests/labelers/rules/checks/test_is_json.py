import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_json import IsJson
from kto_data.labelers.rules.limits import RowError


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('{"a": [1, 2.5, null]}', True),
        (' "text"\n', True),
        ("3", True),
        ("9" * 10_000, True),
        ("{'a': 1}", False),
        ('{"a": 1', False),
        ('{"a": 1,}', False),
        ('Sure: {"a": 1}', False),
        ("NaN", False),
        ("", False),
        ('```json\n{"a": 1}\n```', False),
    ],
)
def test_the_whole_text_has_to_be_one_value(text, holds):
    assert IsJson().decide(text, Context()).holds is holds


@pytest.mark.parametrize("text", ['```json\n{"a": 1}\n```', '```\n{"a": 1}```', '{"a": 1}'])
def test_a_fence_around_it_can_be_allowed(text):
    assert IsJson(fenced=True).decide(text, Context()).holds


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('{"name": 1, "id": 2}', "JSON"),
        ('{"id": 2}', "missing keys: name"),
        ("[1]", "JSON, but not an object"),
    ],
)
def test_keys_may_be_captured_ones(text, evidence):
    found = IsJson(keys=("{{k}}", "id")).decide(text, Context(captures={"k": "name"}))
    assert (found.holds, found.evidence) == (evidence == "JSON", evidence)


def test_json_that_is_too_deep_to_read_is_a_fault():
    with pytest.raises(RowError, match="too deeply"):
        IsJson().decide("[" * 200_000, Context())


CITY = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}},
}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('{"city": "Lund"}', "JSON"),
        ('{"town": "Lund"}', "'city' is a required property"),
        ('{"city": "lund"}', "city: 'lund' does not match '^[A-Z]'"),
        ('{"city": 3}', "city: 3 is not of type 'string'"),
        ("[]", "[] is not of type 'object'"),
    ],
)
def test_a_schema_has_to_fit(text, evidence):
    found = IsJson(schema=CITY).decide(text, Context())
    assert (found.holds, found.evidence) == (evidence == "JSON", evidence)


def test_patterns_of_properties_run_in_linear_time():
    schema = {"patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False}
    assert IsJson(schema=schema).decide('{"aaa": 1}', Context()).holds
    text = '{"' + "a" * 50_000 + 'b": 1}'
    assert IsJson(schema=schema).decide(text, Context()).evidence.startswith("the property 'aaaa")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objct"}, "is no JSON Schema: type: 'objct' is not valid"),
        ({"pattern": "(?=a)"}, "has a pattern that RE2 cannot read"),
        ({"$ref": "https://example.com/a.json"}, "only references inside the schema"),
        (3, "should be a JSON Schema"),
    ],
)
def test_a_schema_that_is_wrong_or_leads_elsewhere_is_refused(schema, message):
    with pytest.raises(ValidationError, match=message.replace("(", "[(]")):
        IsJson(schema=schema)


def test_a_reference_inside_the_schema_is_followed():
    schema = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}
    assert IsJson(schema=schema).decide("[1, 2]", Context()).holds
    assert not IsJson(schema=schema).decide('[1, "2"]', Context()).holds
