import json

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.function_calls import (
    IsValidFunctionCall,
    IsValidOpenaiFunctionCall,
    IsValidOpenaiToolsCall,
)

HERE = Context()
WEATHER = {"name": "weather", "parameters": {"type": "object", "required": ["city"], "additionalProperties": False,
                                             "properties": {"city": {"type": "string"}}}}  # fmt: skip
TOOLS = [{"type": "function", "function": WEATHER}]


def tool_call(name="weather", arguments='{"city": "Lund"}'):
    return {"type": "function", "id": "1", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([tool_call()], ""),
        ({"tool_calls": [tool_call(), tool_call()]}, ""),
        ([], "no list of tool calls"),
        ({"name": "weather", "arguments": "{}"}, "no list of tool calls"),
        ([{"name": "weather", "arguments": "{}"}], "no call with a name"),
        ([tool_call("wether")], "there is no function 'wether'"),
        ([tool_call(arguments="{}")], "weather: 'city' is a required property"),
        ([tool_call(arguments='{"city": 3}')], "weather: city: 3 is not of type 'string'"),
        ([tool_call(arguments={"city": "Lund"})], "the arguments of weather are not JSON text"),
        ([tool_call(), tool_call("x")], "there is no function 'x'"),
    ],
)
def test_every_tool_call_has_to_be_right(value, problem):
    found = IsValidOpenaiToolsCall(functions=TOOLS).decide(json.dumps(value), HERE)
    assert (found.holds, found.evidence if problem else "") == (not problem, problem)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ({"name": "weather", "arguments": '{"city": "Lund"}'}, True),
        ({"function_call": {"name": "weather", "arguments": '{"city": "Lund"}'}}, True),
        ({"name": "weather", "arguments": {"city": "Lund"}}, False),
        ({"name": "weather", "arguments": "{city}"}, False),
        ([tool_call()], False),
    ],
)
def test_an_older_call_of_openai_is_one_object(value, holds):
    assert IsValidOpenaiFunctionCall(functions=[WEATHER]).decide(json.dumps(value), HERE).holds is holds


@pytest.mark.parametrize(
    "value",
    [
        {"name": "weather", "arguments": {"city": "Lund"}},
        {"functionCall": {"name": "weather", "args": {"city": "Lund"}}},
        [{"type": "text", "text": "hm"}, {"type": "tool_use", "name": "weather", "input": {"city": "Lund"}}],
        {"toolCall": {"functionCalls": [{"name": "weather", "args": {"city": "Lund"}}]}},
        [tool_call()],
    ],
)
def test_calls_are_read_as_others_log_them_too(value):
    assert IsValidFunctionCall(functions=TOOLS).decide(json.dumps(value), HERE).holds


def test_text_is_no_call_and_without_functions_the_form_counts():
    assert not IsValidFunctionCall().decide("weather(Lund)", HERE).holds
    assert not IsValidFunctionCall().decide("3", HERE).holds
    assert IsValidFunctionCall().decide('{"name": "any", "arguments": "{}"}', HERE).holds


def test_functions_may_stand_in_a_file_and_be_called_tools(read_rule, tmp_path):
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS))
    rule = read_rule("{is-valid-openai-tools-call: {tools: {file: tools.json}}}")
    assert rule.fires(json.dumps([tool_call()]))
    assert rule.fires(json.dumps([tool_call("x")])) is False
