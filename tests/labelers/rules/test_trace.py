"""What each part of a rule made of a row."""

from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.trace import trace


def traced(keys, completion, prompt="Say it in 3 words"):
    text = f"version: 1\nrules:\n  - {{id: a, vote: undesirable, {keys}}}"
    [rule] = parse_rules(parse_yaml(text, name="r.yaml", folder=Path())).rules
    messages = [{"role": "user", "content": prompt}], [{"role": "assistant", "content": completion}]
    return trace(rule, Row(prompt=messages[0], completion=messages[1]))


def told(part):
    return (part.part, part.holds, [told(inner) for inner in part.parts])


def test_every_part_is_told_with_its_outcome():
    found = traced(
        "match: {all: [{contains: tea}, {not: {contains: milk}}, {any: [{contains: x}, {regex: 't.a'}]}]}",
        "tea, please",
    )
    assert told(found.match) == (
        "all",
        True,
        [
            ("contains", True, []),
            ("not", True, [("contains", False, [])]),
            ("any", True, [("contains", False, []), ("regex", True, [])]),
        ],
    )
    regex = found.match.parts[2].parts[1]
    assert [(span.scope, span.start, span.end, span.text) for span in regex.spans] == [
        ("completion", 0, 3, "tea")
    ]
    assert regex.as_json()["options"] == {"pattern": "t.a"}


def test_at_least_tells_how_many_it_needs():
    found = traced("match: {at_least: {n: 2, of: [{contains: a}, {contains: b}, {contains: c}]}}", "a c")
    assert (found.match.part, found.match.options, found.match.holds) == ("at_least", {"n": 2}, True)


def test_what_when_captured_is_used_in_match():
    found = traced(
        "when: {regex: '(?P<n>[0-9]+) words', scope: last_user}, match: {word-count: {min: '{{n}}'}}",
        "one two three",
    )
    assert (found.when.holds, found.match.holds, found.match.evidence) == (True, True, "3 words")


def test_where_a_rule_is_not_applicable_its_match_is_not_asked():
    found = traced("when: {contains: tea, scope: last_user}, match: {contains: x}", "x")
    assert (found.when.holds, found.match, found.decision.fired) == (False, None, None)


def test_a_part_that_fails_is_told_and_the_others_are_decided():
    found = traced(
        "match: {any: [{word-count: {max: '{{meta.n}}'}}, {numeric: {value: '{{meta.x}}'}}, {contains: x}]}",
        "x",
    )
    assert found.match.parts[2].holds
    failing = traced(
        "when: {regex: '(?P<n>[a-z]+) it', scope: last_user}, match: {any: [{word-count: {max: '{{n}}'}}, {contains: x}]}",
        "x",
        "say it",
    )
    assert "not a whole number" in failing.match.parts[0].error
    assert failing.match.parts[1].holds
    assert "not a whole number" in failing.decision.error


@pytest.mark.parametrize(("completion", "fired"), [("tea", True), ("x", False)])
def test_the_decision_is_the_rules_own(completion, fired):
    assert traced("match: {contains: tea}", completion).decision.fired is fired
