"""promptfoo's configurations as rules: what passes there is not voted against here, and what fails is."""

import json

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import InputError
from kto_data.labelers.rules.engine import explain_row
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.lint import lint_rules
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.promptfoo_import import import_config, rule_file_text
from kto_data.labelers.rules.promptfoo_import.expected import assertion_of
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.rule import RuleSet


@pytest.fixture
def imported(tmp_path):
    """Return a function that imports a configuration, and the rules that come of it."""

    def imported(config, **files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        path = tmp_path / "promptfooconfig.yaml"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        found = import_config(path, into=tmp_path)
        if not found.rules:
            return found, RuleSet((), ())
        text = rule_file_text(found, path.name)
        return found, RuleSet(parse_rules(parse_yaml(text, name="x.yaml", folder=tmp_path)).rules, ())

    return imported


def fails(rules, output, prompt="Anything."):
    """Return the ids of the rules that vote against an output."""
    row = Row(
        prompt=[{"role": "user", "content": prompt}], completion=[{"role": "assistant", "content": output}]
    )
    decisions = explain_row(rules, row)
    assert not any(decision.error for decision in decisions)
    modes = {rule.id: rule.options.mode for rule in rules.rules}
    return [decision.rule for decision in decisions if decision.vote == -1 and modes[decision.rule] == "vote"]


CASE = [
    {"type": "contains", "value": "red", "weight": 3},
    {"type": "contains", "value": "blue"},
    {"type": "not-contains", "value": "sad"},
]


def test_without_a_threshold_every_assertion_has_to_pass(imported):
    _, rules = imported({"tests": [{"description": "Colours", "assert": CASE}]})
    assert rules.ids == ("colours-contains", "colours-contains-2", "colours-not-contains")
    assert fails(rules, "red and blue") == []
    assert fails(rules, "red, sad") == ["colours-contains-2", "colours-not-contains"]


# of the weights 3, 1, 1 the assertions that pass have: red 3, blue 1, not sad 1
@pytest.mark.parametrize(
    ("threshold", "output", "passes"),
    [
        (0.8, "red", True),
        (0.8, "red, sad", False),
        (0.6, "red, sad", True),
        (0.4, "blue", True),
        (0.41, "blue", False),
        (1, "red and blue", True),
        (1, "red", False),
        (0.2, "sad", False),
    ],
)
def test_a_threshold_asks_for_the_weighted_share_that_passes(imported, threshold, output, passes):
    _, rules = imported({"tests": [{"assert": CASE, "threshold": threshold}]})
    assert fails(rules, output) == ([] if passes else ["test-1"])


def test_an_assertion_of_weight_0_is_counted_and_never_votes(imported):
    _, rules = imported({"tests": [{"assert": [{"type": "contains", "value": "red", "weight": 0}]}]})
    assert rules.rules[0].options.mode == "shadow"
    assert fails(rules, "blue") == []


@pytest.mark.parametrize(
    ("threshold", "output", "passes"), [(0.5, "red", True), (None, "red", False), (0.5, "", False)]
)
def test_a_set_passes_by_its_own_threshold(imported, threshold, output, passes):
    group = {
        "type": "assert-set",
        "assert": [{"type": "contains", "value": "red"}, {"type": "contains", "value": "blue"}],
    }
    group |= {"threshold": threshold} if threshold else {}
    _, rules = imported({"tests": [{"assert": [group]}]})
    assert (fails(rules, output) == []) is passes


def test_a_test_is_about_the_outputs_for_its_prompt(imported):
    config = {
        "prompts": ["Translate {{word}}"],
        "tests": [
            {
                "vars": {"word": "cat", "answer": "chat"},
                "assert": [{"type": "icontains", "value": "{{answer}}"}],
            },
            {"vars": {"word": ["dog", "hound"]}, "assert": [{"type": "icontains", "value": "chien"}]},
        ],
    }
    _, rules = imported(config)
    assert fails(rules, "Chat", "Translate cat") == []
    assert fails(rules, "Chien", "Translate cat") == ["test-1-icontains"]
    assert len(fails(rules, "Chat", "Translate hound")) == 1
    assert fails(rules, "anything", "Something else") == []


def test_without_a_prompt_in_the_file_a_test_is_about_prompts_with_its_values(imported):
    config = {
        "prompts": ["file://p.txt"],
        "tests": [{"vars": {"word": "cat"}, "assert": [{"type": "contains", "value": "x"}]}],
    }
    _, rules = imported(config)
    assert fails(rules, "y", "What is a cat?") == ["test-1-contains"]
    assert fails(rules, "y", "What is a dog?") == []


def test_the_default_test_holds_for_every_row_but_those_of_a_test_with_a_threshold(imported):
    config = {
        "prompts": ["{{q}}"],
        "defaultTest": {
            "assert": [{"type": "not-contains", "value": "AI"}, {"type": "contains", "value": "{{q}}"}]
        },
        "tests": [
            {"vars": {"q": "one"}},
            {"vars": {"q": "two"}, "threshold": 0.5},
            {
                "vars": {"q": "three"},
                "options": {"disableDefaultAsserts": True},
                "assert": [{"type": "contains", "value": "x"}],
            },
        ],
    }
    _, rules = imported(config)
    assert fails(rules, "an AI", "something else") == ["default-not-contains"]
    assert fails(rules, "AI", "one") == ["default-not-contains", "test-1-contains"]
    assert fails(rules, "two, said the AI", "two") == []
    assert fails(rules, "AI", "two") == ["test-2"]
    assert fails(rules, "x AI", "three") == []


def test_scenarios_templates_and_files_of_tests_are_read(imported):
    config = """
assertionTemplates:
  brief: {type: word-count, value: {max: 3}}
scenarios:
  - config: [{vars: {lang: French}}, {vars: {lang: German}}]
    tests: [{assert: [{type: icontains, value: "{{lang}}"}]}]
tests:
  - file://more.csv
  - file://more.jsonl
  - file://more.yaml
"""
    found, rules = imported(
        config,
        more__csv="q,__expected,__expected2,__metric\nCapital?,icontains:paris,not-contains:London,truth\n",
        more__jsonl='{"vars": {"q": "Sum?"}, "assert": [{"type": "equals", "value": "4"}]}\n',
        more__yaml='- {vars: {q: Short?}, assert: [{$ref: "#/assertionTemplates/brief"}]}\n',
    )
    assert found.left == ()
    assert fails(rules, "Paris", "Capital?") == []
    assert fails(rules, "London", "Capital?") == ["test-1-truth", "test-1-truth-2"]
    assert fails(rules, "5", "Sum?") == ["test-2-equals"]
    assert fails(rules, "one two three four", "Short?") == ["test-3-word-count"]
    assert len(fails(rules, "no", "Say it in German")) == 1


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        ({"type": "llm-rubric", "value": "is kind"}, "judge"),
        ({"type": "javascript", "value": "true"}, "Python"),
        ({"type": "made-up", "value": 1}, "unknown check 'made-up'"),
        ({"type": "contains", "value": "{{ nobody }}"}, "no variable 'nobody'"),
        ({"type": "contains", "value": "{{ x | upper }}"}, "filters"),
        ({"type": "contains", "value": "x", "transform": "output.trim()"}, "transform"),
        ({"type": "regex", "value": "(?=x)"}, "look-around"),
        ({"$ref": "#/assertionTemplates/none"}, "no assertion template 'none'"),
        ("just words", "has no assertion"),
    ],
)
def test_what_cannot_be_kept_is_listed_with_its_place_and_the_rest_is_imported(imported, assertion, words):
    if assertion == "just words":
        with pytest.raises(InputError, match="no promptfoo configuration"):
            imported({"prompts": ["x"]})
        return
    kept = {"type": "contains", "value": "y"}
    found, rules = imported({"tests": [{"assert": [assertion, kept]}]})
    [left] = found.left
    assert words in left.reason
    assert str(left).startswith(f"{left.file}:1: tests[0].assert[0]")
    assert rules.ids == ("test-1-contains",)


def test_a_threshold_over_what_cannot_be_counted_is_not_guessed(imported):
    graded = {"type": "rouge-n", "value": "some words", "threshold": 0.5}
    found, rules = imported({"tests": [{"assert": [graded, *CASE], "threshold": 0.5}]})
    assert rules.ids == ()
    assert len(found.left) == 4
    assert "score between 0 and 1" in found.left[0].reason


def test_the_rules_have_tests_that_pass_and_lint_finds_nothing(imported):
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    asserts = [
        {"type": "is-json", "value": schema},
        {"type": "regex", "value": r"\d{3}-[a-z]+"},
        {"type": "word-count", "value": {"min": 2, "max": 5}},
        {"type": "contains-all", "value": ["x", "y"]},
        {"type": "not-is-refusal"},
        {"type": "starts-with", "value": "Well"},
        {"type": "contains-sql"},
    ]
    _, rules = imported({"tests": [{"assert": asserts}]})
    assert len(rules.rules) == len(asserts)
    assert {result.status for result in run_inline_tests(rules)} == {"passed"}
    assert lint_rules(rules) == []


@pytest.mark.parametrize(
    ("text", "assertion"),
    [
        ("contains-all:a, b", {"type": "contains-all", "value": ["a", "b"]}),
        ("levenshtein(5):abc", {"type": "levenshtein", "value": "abc", "threshold": 5.0}),
        ("is-json", {"type": "is-json"}),
        ("grade:is it kind", {"type": "llm-rubric", "value": "is it kind"}),
        ("fn:output", {"type": "javascript", "value": "output"}),
        ("Note: this is text", {"type": "equals", "value": "Note: this is text"}),
        ("file://check.py:fit", {"type": "python", "value": "file://check.py:fit"}),
    ],
)
def test_an_assertion_in_one_line_is_read_as_in_promptfoos_tables(text, assertion):
    assert assertion_of(text) == assertion
