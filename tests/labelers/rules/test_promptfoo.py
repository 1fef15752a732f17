"""promptfoo's assertions: each deterministic one works under its name, with its `not-`, or says why it does not."""

import json
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.labelers.rules.checks.check import CHECKS
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.promptfoo_left_out import NOT_HERE
from kto_data.labelers.rules.row import Row

CALL = [{"type": "function", "function": {"name": "weather", "arguments": '{"city": "Lund"}'}}]
CITY = {"type": "object", "required": ["city"]}


def read(assertions, folder=Path(), **keys):
    rule = {"id": "a", "assert": assertions, **keys}
    text = json.dumps({"version": 1, "rules": [rule]})  # JSON is YAML
    return parse_rules(parse_yaml(text, name="r.yaml", folder=folder)).rules[0]


def passes(assertion, output, **columns):
    decision = decide(
        read([assertion]), Row(completion=[{"role": "assistant", "content": output}], **columns)
    )
    assert decision.error is None, decision.error
    assert decision.vote == (-1 if decision.fired else 0)
    return not decision.fired


# type, the rest of the assertion, an output that passes, one that fails
WORKING = [
    ("equals", {"value": "Yes"}, "Yes", "yes"),
    ("equals", {"value": {"a": [1]}}, '{"a": [1]}', '{"a": [2]}'),
    ("equals", {"value": 7}, "7", "8"),
    ("contains", {"value": "refund"}, "a refund", "a Refund"),
    ("contains", {"value": 0}, "10", "1"),
    ("icontains", {"value": "refund"}, "a Refund", "a return"),
    ("contains-any", {"value": ["a", "b"]}, "xb", "x"),
    ("contains-any", {"value": "a, b"}, "xb", "x,"),
    ("contains-all", {"value": ["a", 1]}, "a1", "a"),
    ("icontains-any", {"value": ["A"]}, "xa", "x"),
    ("icontains-all", {"value": ["A", "B"]}, "ab", "a"),
    ("starts-with", {"value": "Yes"}, "Yes, but", "Well, Yes"),
    ("regex", {"value": "\\d{4}"}, "in 2024", "in 24"),
    ("is-json", {}, "[1]", "1]"),
    ("is-json", {"value": CITY}, '{"city": 1}', "{}"),
    ("is-json", {"value": json.dumps(CITY)}, '{"city": 1}', "{}"),
    ("contains-json", {}, 'Here: {"a": 1}', "Here: a"),
    ("contains-json", {"value": CITY}, 'Here: {"city": 1}', 'Here: {"a": 1}'),
    ("is-html", {}, "<div>Content</div>", "Text before <div>HTML</div>"),
    ("contains-html", {}, "See <b>this</b>", "a < b"),
    ("is-sql", {}, "SELECT id FROM users", "SELECT a b FROM t"),
    ("is-sql", {"value": {"databaseType": "PostgresQL", "allowedTables": ["select::null::t"]}},
     "SELECT 'a'::text FROM t", "SELECT a FROM u"),
    ("contains-sql", {}, "```sql\nSELECT 1\n```", "no SQL"),
    ("is-xml", {}, "<a><b/></a>", "<a><b></a>"),
    ("is-xml", {"value": {"requiredElements": ["a.b"]}}, "<a><b/></a>", "<a/>"),
    ("contains-xml", {"value": "a.b"}, "Here: <a><b/></a>!", "Here: <a/>!"),
    ("is-refusal", {}, "I'm sorry, but I can't help with that.", "It is 4."),
    ("word-count", {"value": 2}, "two words", "one"),
    ("word-count", {"value": {"min": 2, "max": 3}}, "now three words", "one"),
    ("levenshtein", {"value": "kitten", "threshold": 3}, "sitting", "something else"),
    ("rouge-n", {"value": "hello world"}, "hello world", "bye"),
    ("bleu", {"value": "the cat sat on the mat"}, "the cat sat on the mat", "a dog"),
    ("gleu", {"value": "the cat sat on the mat", "threshold": 0.5}, "the cat sat on the mat", "a dog"),
    ("is-valid-function-call", {}, '{"name": "weather", "arguments": "{}"}', "weather()"),
    ("is-valid-openai-function-call", {}, '{"name": "weather", "arguments": "{}"}', "{}"),
    ("is-valid-openai-tools-call", {}, json.dumps(CALL), "[]"),
    ("tool-call-f1", {"value": ["weather"]}, json.dumps(CALL), "[]"),
    ("tool-call-f1", {"value": "weather, flight", "threshold": 0.6}, json.dumps(CALL), "[]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rest", "good", "bad"), WORKING)
def test_an_assertion_works_and_its_negation_too(name, rest, good, bad):
    assert passes({"type": name, **rest}, good)
    assert not passes({"type": name, **rest}, bad)
    assert not passes({"type": f"not-{name}", **rest}, good)
    assert passes({"type": f"not-{name}", **rest}, bad)


def test_finish_reason_looks_at_the_row():
    assert passes({"type": "finish-reason", "value": "stop"}, "x", finish_reason="stop")
    assert not passes({"type": "finish-reason", "value": "stop"}, "x", finish_reason="length")


def test_a_python_assertion_is_a_function_of_a_file(tmp_path):
    (tmp_path / "check.py").write_text("def get_assert(output, context):\n    return 'good' in output\n")
    rule = read([{"type": "python", "value": "file://check.py"}], tmp_path)
    fired = [
        decide(rule, Row(completion=[{"role": "assistant", "content": text}])).fired
        for text in ("good", "bad")
    ]
    assert fired == [False, True]


def test_values_come_from_files_too(tmp_path):
    (tmp_path / "words.txt").write_text("refund\nreturn\n")
    (tmp_path / "schema.json").write_text(json.dumps(CITY))
    (tmp_path / "answer.txt").write_text("Yes\n")
    for assertion, output in [
        ({"type": "contains-any", "value": "file://words.txt"}, "a return"),
        ({"type": "is-json", "value": "file://schema.json"}, '{"city": 1}'),
        ({"type": "equals", "value": "file://answer.txt"}, "Yes"),
    ]:
        rule = read([assertion], tmp_path)
        assert decide(rule, Row(completion=[{"role": "assistant", "content": output}])).fired is False


DETERMINISTIC = """
    equals contains icontains contains-any contains-all icontains-any icontains-all starts-with regex is-json
    contains-json is-html contains-html is-sql contains-sql is-xml contains-xml is-refusal word-count levenshtein
    rouge-n bleu gleu meteor perplexity perplexity-score latency cost finish-reason guardrails javascript python ruby
    webhook is-valid-function-call is-valid-openai-function-call is-valid-openai-tools-call tool-call-f1 skill-used
    trace-span-count trace-span-duration trace-error-spans trajectory:tool-used trajectory:tool-args-match
    trajectory:tool-sequence trajectory:step-count assert-set
"""


@pytest.mark.parametrize("name", DETERMINISTIC.split())
def test_every_deterministic_name_is_a_check_or_has_a_reason(name):
    assert (name in CHECKS) != (name in NOT_HERE)


@pytest.mark.parametrize("name", [name for name in NOT_HERE if name != "assert-set"])
def test_a_name_that_does_not_work_says_why(name):
    for kind in (name, f"not-{name}"):
        with pytest.raises(ConfigError) as told:
            read([{"type": kind, "value": 3}])
        assert f"{name!r} {NOT_HERE[name]}" in str(told.value)
        text = f"version: 1\nrules:\n  - id: a\n    vote: undesirable\n    match: {{'{kind}': 3}}\n"
        file = parse_yaml(text, name="r.yaml", folder=Path())
        with pytest.raises(ConfigError) as told:
            parse_rules(file)
        assert str(told.value) == f"r.yaml:5: rules[0] (a).match.{kind}: {name!r} {NOT_HERE[name]}"


def test_all_of_a_list_have_to_pass_and_what_fails_is_told():
    assertions = [{"type": "contains", "value": "a", "metric": "letters", "weight": 2}, {"type": "is-json"}]
    assert passes(assertions[0], "a")
    rule = read(assertions, message="Failed: {match}.")
    outputs = {"a": True, "[1]": True, '["a"]': False}
    for output, fired in outputs.items():
        assert decide(rule, Row(completion=[{"role": "assistant", "content": output}])).fired is fired


def test_an_assert_set_counts_those_that_pass():
    parts = [{"type": "contains", "value": letter} for letter in "abc"]
    two_of_three = {"type": "assert-set", "assert": parts, "threshold": 0.6}
    assert passes(two_of_three, "ab")
    assert not passes(two_of_three, "a")
    assert not passes({"type": "assert-set", "assert": parts}, "ab")
    assert passes({"type": "assert-set", "assert": parts}, "abc")


@pytest.mark.parametrize(
    ("assertions", "keys", "message"),
    [
        ([], {}, "should be a list of promptfoo's assertions"),
        ([3], {}, "assert[0]: should be an assertion such as {type: contains, value: refund}"),
        ([{"value": 3}], {}, "assert[0]: should be an assertion"),
        ([{"type": "contians", "value": "x"}], {}, "unknown check 'contians'; did you mean 'contains'?"),
        ([{"type": "contains", "valeu": "x"}], {}, "assert[0].valeu: unknown key; did you mean 'value'?"),
        ([{"type": "contains", "value": "x", "weight": 0}], {}, "weight: 0 lets the assertion pass whatever it finds"),
        ([{"type": "contains", "value": "x", "transform": "output"}], {}, "transform: is code of another language"),
        ([{"type": "is-json", "value": "file://no.json"}], {}, "no such file: no.json"),
        ([{"type": "regex", "value": "a(?=b)"}], {}, "RE2 has no look-around"),
        ([{"type": "python", "value": "len(output) > 3"}], {}, "is neither FILE.py:FUNCTION"),
        ([{"type": "assert-set", "assert": [{"type": "is-json"}], "threshold": 2}], {}, "threshold: should be a number above 0"),
        ([{"type": "assert-set", "assert": [{"type": "is-json"}, {"type": "is-xml", "weight": 2}], "threshold": 0.5}], {},
         "cannot differ in `weight`"),
        ([{"type": "is-json"}], {"vote": "desirable"}, "assert: votes undesirable where an assertion fails"),
        ([{"type": "is-json"}], {"match": {"contains": "x"}}, "assert: stands in place of match"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_key(assertions, keys, message):
    with pytest.raises(ConfigError) as told:
        read(assertions, **keys)
    assert message in str(told.value)
    assert str(told.value).startswith("r.yaml:1: rules[0] (a).assert")
