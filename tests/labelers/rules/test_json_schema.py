import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kto_data.config.yaml_file import load_yaml
from kto_data.labelers.rules import builtin_packs, load_rules
from kto_data.labelers.rules.json_schema import json_schema

VALIDATOR = Draft202012Validator(json_schema())


def file_with(**rule):
    return {"version": 1, "rules": [{"id": "a", "vote": "undesirable", **rule}]}


def test_it_is_a_json_schema_without_loose_ends():
    Draft202012Validator.check_schema(VALIDATOR.schema)
    assert "x-ref" not in json.dumps(VALIDATOR.schema)


@pytest.mark.parametrize("pack", builtin_packs())
def test_the_packs_are_valid(pack):
    path = load_rules([f"builtin:{pack}"], base=Path()).files[0]
    assert list(VALIDATOR.iter_errors(load_yaml(path).data)) == []


@pytest.mark.parametrize(
    ("match", "valid"),
    [
        ({"contains": "x"}, True),
        ({"contains-any": {"list": "words", "word": True}}, True),
        ({"contains-any": {"word": True}}, False),
        ({"not": {"any": [{"regex": "x", "scope": "prompt"}]}}, True),
        ({"not": {"any": [{"regx": "x"}]}}, False),
        ({"is-json": True}, True),
        ({"length": {"words": {"max": "{{n}}"}}}, True),
        ({"length": {"word": {"max": 3}}}, False),
    ],
)
def test_conditions_are_part_of_it(match, valid):
    assert VALIDATOR.is_valid(file_with(match=match)) is valid


def test_keys_say_what_they_are():
    rule = VALIDATOR.schema["$defs"]["RuleOptions"]["properties"]
    assert all(option.get("description") for option in rule.values())
