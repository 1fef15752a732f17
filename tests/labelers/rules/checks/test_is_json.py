import pytest

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
