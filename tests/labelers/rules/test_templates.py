from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row

HEAD = "version: 1\nrules:\n  - id: a\n    vote: undesirable\n"


def rule_of(*lines):
    text = HEAD + "".join(f"    {line}\n" for line in lines)
    return parse_rules(parse_yaml(text, name="r.yaml", folder=Path())).rules[0]


def row_of(completion, prompt="", **meta):
    return Row(
        prompt=[{"role": "user", "content": prompt}],
        completion=[{"role": "assistant", "content": completion}],
        meta=meta,
    )


@pytest.mark.parametrize(
    ("match", "completion", "meta", "fired"),
    [
        ("contains: '{{meta.name}}'", "Dear Ann", {"name": "Ann"}, True),
        ("contains: '{{meta.name}}'", "Dear Bob", {"name": "Ann"}, False),
        ("contains: '{{meta.name}}'", "Dear Bob", {"name": None}, None),
        ("contains: '{{meta.name}}'", "Dear Bob", {}, None),
        ("contains: '{{ meta.user.name }}'", "Dear Bob", {"user": {"name": "Bob"}}, True),
        ("contains: 'Dear {{meta.name}}!'", "Dear Bob!", {"name": "Bob"}, True),
        ("contains: 'n = {{meta.n}}'", "n = 3", {"n": 3}, True),
        ("contains-any: '{{meta.words}}'", "b", {"words": ["a", "b"]}, True),
        ("contains-any: '{{meta.words}}'", "b", {"words": '["a", "b"]'}, True),
        ("contains-all: ['{{meta.one}}', x]", "x y", {"one": "y"}, True),
        ("word-count: {max: '{{meta.n}}'}", "a b c", {"n": 2}, False),
        ("word-count: {max: '{{meta.n}}'}", "a b c", {"n": "three"}, True),
        ("length: {words: {min: '{{meta.n}}'}}", "a b c", {"n": "1,000"}, False),
        ("regex: '^{{meta.mark}}$'", "a+b", {"mark": "a+b"}, True),
        ("regex: '{{meta.pattern}}'", "aab", {"pattern": "^a+b$"}, True),
        ("repetition: {ngram: 1, max_ratio: '{{meta.share}}'}", "a a a b", {"share": 0.4}, True),
        ("is-json: {fenced: '{{meta.fenced}}'}", "```\n1\n```", {"fenced": True}, True),
    ],
)
def test_options_come_from_the_metadata(match, completion, meta, fired):
    decision = decide(rule_of(f"match: {{{match}}}"), row_of(completion, **meta))
    assert (decision.fired, decision.error) == (fired, None)


def test_a_captured_value_can_stand_in_any_option():
    rule = rule_of(
        "when: {regex: '(?i)about (?P<topic>\\w+)', scope: prompt}",
        "match: {not: {icontains: '{{topic}}'}}",
    )
    assert decide(rule, row_of("Cats purr.", "Write about cats")).fired is False
    assert decide(rule, row_of("Dogs bark.", "Write about cats")).fired is True


def test_a_name_that_nothing_captures_is_plain_text():
    rule = rule_of("match: {contains: 'Dear {{name}}'}")
    assert decide(rule, row_of("Dear {{name}},")).fired is True


def test_captures_are_taken_literally_in_a_pattern():
    rule = rule_of("when: {regex: 'in (?P<lang>\\S+)', scope: prompt}", "match: {regex: '^{{lang}}:'}")
    assert decide(rule, row_of("C++: yes", "Say it in C++")).fired is True


def test_a_templated_pattern_still_captures():
    rule = rule_of(
        "when: {regex: '(?P<n>\\d+) {{meta.unit}}', scope: prompt}",
        "match: {word-count: {max: '{{n}}'}}",
    )
    assert decide(rule, row_of("a b", "at most 2 words", unit="words")).fired is True
    assert decide(rule, row_of("a b", "at most 2 words", unit="lines")).fired is None


def test_a_value_that_does_not_fit_is_a_fault_of_that_row():
    decision = decide(rule_of("match: {word-count: {max: '{{meta.n}}'}}"), row_of("a", n="many"))
    assert decision.fired is None
    assert decision.error.startswith("max: ")


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("regex: {pattern: '{{meta.p}}', cuont: 1}", "match.regex.cuont: unknown key; did you mean 'count'?"),
        ("repetition: {max_ratio: 2, ngram: '{{meta.n}}'}", "match.repetition.max_ratio: "),
    ],
)
def test_mistakes_beside_a_template_are_still_told(match, message):
    with pytest.raises(ConfigError) as error:
        rule_of(f"match: {{{match}}}")
    (mistake,) = error.value.mistakes
    assert message in str(mistake)


def test_the_columns_are_part_of_what_the_rule_reads_and_the_options_of_what_it_means():
    one = rule_of("match: {contains: '{{meta.name}}'}")
    other = rule_of("match: {contains: '{{meta.nick}}'}")
    assert one.reads == {"completion", "meta.name"}
    assert one.about == "event"
    assert one.version != other.version
