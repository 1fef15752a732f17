"""What lint says of rule files, one mistake at a time."""

import pytest

from kto_data.labelers.rules.lint import lint_rules
from kto_data.labelers.rules.load import builtin_packs, load_rules

TESTS = "tests: [{completion: x, expect: ok}, {completion: FIRES, expect: fire}]"


def found(tmp_path, *rules):
    (tmp_path / "r.yaml").write_text("version: 1\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules))
    return [(each.rule, each.kind, each.line) for each in lint_rules(load_rules(["r.yaml"], base=tmp_path))]


def rule(name, match, fires, more="vote: undesirable"):
    return f"{{id: {name}, {more}, match: {match}, {TESTS.replace('FIRES', fires)}}}"


def test_a_sound_file_has_no_findings(tmp_path):
    one, two = rule("a", "{contains: foo}", "foo"), rule("b", "{contains: bar}", "bar")
    assert found(tmp_path, one, two) == []


def test_packs_that_ship_have_no_findings():
    rules = load_rules([f"builtin:{name}" for name in builtin_packs()], base=None)
    assert [str(finding) for finding in lint_rules(rules)] == []


@pytest.mark.parametrize(
    ("tests", "kinds"),
    [
        ("[]", ["no-tests"]),
        ("[{completion: x, expect: ok}]", ["no-fire-test"]),
        ("[{completion: foo, expect: fire}]", ["no-ok-test"]),
        ("[{completion: foo, expect: fire, todo: true}, {completion: x, expect: ok}]", ["no-fire-test"]),
        ("[{completion: no, expect: fire}, {completion: x, expect: ok}]", ["fires-in-no-test"]),
    ],
)
def test_tests_have_to_show_both_ways(tmp_path, tests, kinds):
    line = f"{{id: a, vote: undesirable, match: {{contains: foo}}, tests: {tests}}}"
    assert found(tmp_path, line) == [("a", kind, 3) for kind in kinds]


def test_a_logged_vote_needs_no_tests(tmp_path):
    assert found(tmp_path, "{id: a, vote: {column: meta.thumb, map: {up: desirable}}}") == []


@pytest.mark.parametrize(
    "match",
    [
        "{all: [{contains: foo}, {not: {contains: foo}}]}",
        "{all: [{contains: foo bar}, {not: {icontains: bar}}]}",
        "{all: [{word-count: {min: 5}}, {not: {length: {words: {min: 3}}}}]}",
    ],
)
def test_a_rule_that_asks_for_something_and_its_opposite_never_fires(tmp_path, match):
    kinds = [kind for _, kind, _ in found(tmp_path, rule("a", match, "foo bar a b c d"))]
    assert kinds == ["fires-in-no-test", "never-fires"]


def test_a_rule_twice_is_a_duplicate_whatever_its_form(tmp_path):
    one, two = (
        rule("a", "{icontains: Foo}", "foo"),
        rule("b", "{contains-any: {values: [foo], ignore_case: true}}", "foo"),
    )
    assert found(tmp_path, one, two) == [("b", "duplicate", 4)]


@pytest.mark.parametrize(
    ("narrow", "wide", "fires"),
    [
        ("{contains: so sorry}", "{icontains-any: [sorry, alas]}", "so sorry"),
        ("{contains-any: {values: [a b, c b], word: true}}", "{contains: b}", "a b"),
        ("{contains-all: [foo, bar]}", "{contains: bar}", "foo bar"),
        ("{all: [{contains: foo}, {regex: 'z$'}]}", "{contains: foo}", "foo z"),
        ("{contains: foo}", "{any: [{regex: 'z$'}, {contains: foo}]}", "foo z"),
        ("{at_least: {n: 2, of: [{contains: foo}, {contains: bar}, {contains: qux}]}}",
         "{any: [{contains: foo}, {contains: bar}]}", "foo bar"),
        ("{not: {word-count: {max: 5}}}", "{not: {word-count: {max: 3}}}", "a b c d e f"),
        ("{length: {words: {min: 4, max: 9}, chars: {max: 90}}}", "{word-count: {min: 3}}", "a b c d"),
    ],
)  # fmt: skip
def test_a_rule_that_fires_only_where_another_does_is_subsumed(tmp_path, narrow, wide, fires):
    assert found(tmp_path, rule("a", narrow, fires), rule("b", wide, fires)) == [("a", "subsumed", 3)]


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ("{contains: so sorry}", "{contains: sorry}", "vote: undesirable, group: g"),  # the narrower may be the stronger
        ("{contains: sorry}", "{contains: {value: sorry, word: true}}", "vote: undesirable, group: g"),
        ("{icontains: foo}", "{contains: foos}", "vote: undesirable, scope: prompt"),
    ],
)  # fmt: skip
def test_what_is_not_surely_the_same_is_no_finding(tmp_path, one, other, more):
    lines = [
        f"{{id: {name}, {more}, match: {match}, tests: [{{prompt: so sorry foos, completion: so sorry, expect: fire}}, "
        "{prompt: x, completion: x, expect: ok}]}"
        for name, match in (("a", one), ("b", other))
    ]
    kinds = [kind for _, kind, _ in found(tmp_path, *lines)]
    assert kinds == (["subsumed"] if "scope" in more else [])


def test_rules_that_vote_differently_or_on_another_scope_are_not_redundant(tmp_path):
    one = rule("a", "{contains: foo}", "foo")
    other = rule("b", "{contains: foo}", "foo", more="vote: desirable")
    third = "{id: c, vote: undesirable, scope: prompt, match: {contains: foo}, tests: [{prompt: foo, expect: fire}, {prompt: x, expect: ok}]}"
    assert found(tmp_path, one, other, third) == []


def test_vetoes_that_contradict_each_other_are_told_with_an_example(tmp_path):
    one = rule("a", "{contains: foo}", "foo", more="vote: undesirable, mode: veto")
    two = rule("b", "{contains: bar}", "foo bar", more="vote: desirable, mode: veto")
    assert found(tmp_path, one, two) == [("b", "contradicting-vetoes", 4)]


@pytest.mark.parametrize(
    ("pattern", "fires", "kind"),
    [
        ("colou?r", "color", "slow-pattern"),  # RE2 reads it as well
        ("(?!x)", "y", "slow-pattern"),  # nothing can be looked for first
        ("(a|aa)+(?!b)$", "aa", "catastrophic-pattern"),
    ],
)
def test_patterns_of_pythons_are_told_when_they_are_slow(tmp_path, pattern, fires, kind):
    match = f"{{regex: {{engine: python, pattern: '{pattern}'}}}}"
    line = f"{{id: a, vote: undesirable, match: {match}, tests: [{{completion: {fires}, expect: fire}}, {{completion: x, expect: ok}}]}}"
    assert kind in [each for _, each, _ in found(tmp_path, line)]


def test_a_pattern_with_look_around_that_re2_can_prepare_is_fine(tmp_path):
    assert found(tmp_path, rule("a", "{regex: {engine: python, pattern: '(?<!not )sorry'}}", "sorry")) == []
