import json

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.tool_call_f1 import ToolCallF1


def calls(*names):
    return json.dumps([{"type": "function", "function": {"name": name, "arguments": "{}"}} for name in names])


@pytest.mark.parametrize(
    ("expected", "text", "f1"),
    [
        (["weather", "flight"], calls("weather", "flight"), "1.000"),
        (["weather", "flight"], calls("flight", "weather", "weather"), "1.000"),
        (["weather", "flight"], calls("weather"), "0.667"),
        (["weather", "flight"], calls("weather", "flight", "search"), "0.800"),
        (["weather"], calls("flight"), "0.000"),
        (["weather"], "I would call the weather.", "0.000"),
        (["weather"], 'Calling:\n{"type": "function_call", "name": "weather", "arguments": "{}"}\n', "1.000"),
    ],
)
def test_f1_is_over_the_sets_of_names(expected, text, f1):
    found = ToolCallF1(value=expected).decide(text, Context())
    assert found.evidence.startswith(f"F1 {f1}; ")
    assert found.holds is (f1 == "1.000")


def test_the_threshold_may_be_lower():
    assert ToolCallF1(value=["a", "b"], threshold=0.6).decide(calls("a"), Context()).holds
