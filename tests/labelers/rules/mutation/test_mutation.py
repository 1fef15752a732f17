"""Changes of rules that their tests notice, or do not."""

import sys
import time
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.mutation import test_mutants as try_mutants
from kto_data.labelers.rules.mutation.mutants import mutants
from kto_data.labelers.rules.mutation.patterns import loosened
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet


def tried(text, *, seconds=30, timeout_s=10, folder=Path(), wordings=False):
    file = parse_yaml(f"version: 1\nrules:\n{text}", name="r.yaml", folder=folder)
    rules = RuleSet(parse_rules(file).rules, ())
    return try_mutants(rules, {"r.yaml": file}, seconds=seconds, timeout_s=timeout_s, wordings=wordings)


BOTH = """
  - id: both
    vote: undesirable
    match:
      all:
        - contains: tea
        - {not: {contains: milk}}
    tests:
      - {completion: tea, expect: fire}
"""


def test_a_part_that_no_test_needs_is_told_with_its_line_and_the_test_that_is_missing():
    survivors = {survivor.change: survivor for survivor in tried(BOTH).survivors}
    dropped = survivors["without {not: {contains: milk}}"]
    assert (dropped.file, dropped.line, dropped.rule) == ("r.yaml", 9, "both")
    assert "{not: {contains: milk}} alone decides" in str(dropped)
    assert "without {contains: tea}" in survivors


def test_tests_that_show_each_part_let_no_change_survive():
    more = BOTH + "      - {completion: tea with milk, expect: ok}\n      - {completion: water, expect: ok}\n"
    result = tried(more)
    assert (result.survivors, result.n_noticed) == ((), result.n_mutants)
    assert result.n_mutants >= 5


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("match: {length: {words: {max: 50}}}", {"max: 60 in place of 50", "max: 40 in place of 50"}),
        (
            "match: {repetition: {max_ratio: 0.5}}",
            {"max_ratio: 0.6 in place of 0.5", "max_ratio: 0.4 in place of 0.5"},
        ),
        (
            "match: {at_least: {n: 2, of: [{contains: a}, {contains: b}, {contains: c}]}}",
            {"n: 1 in place of 2"},
        ),
        ("match: {any: [{contains: a}, {contains: b}]}", {"all in place of any", "without {contains: a}"}),
        ("match: {contains-any: [a, b]}", {"without the word 'a'", "without the word 'b'"}),
        ("match: {contains: {value: a, word: true}}", {"word: false in place of true"}),
        ("match: {contains: a, scope: prompt}", {"without scope: prompt"}),
        ("when: {contains: a}, match: {contains: b}", {"without its when", "{contains: a} inverted"}),
        ("match: {sql: 'meta.a > 1 AND meta.b < 2'}", {"OR in place of AND", "< in place of >"}),
        (
            "match: {not: {regex: '^a|b'}}",
            {"the pattern without ^", "the pattern without the alternative 'b'"},
        ),
        ("match: {not-contains-any: [a, b]}", {"without the word 'a'"}),
        ("assert: [{type: contains, value: a}, {type: is-json}]", {"without {type: is-json}"}),
    ],
)
def test_what_is_changed(rule, changes):
    raw = parse_yaml(f"{{id: a, vote: undesirable, {rule}}}", name="r", folder=Path()).data
    assert changes <= {mutant.change for mutant in mutants(raw)}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\b(?:red|blue) ink\b", {r"(?:red|blue) ink", r"\b(?:blue) ink\b", r"\b(?:red) ink\b"}),
        (r"[|^$](?P<n>a|b)", {r"[|^$](?P<n>b)", r"[|^$](?P<n>a)"}),
        (r"\|\^a", set()),
        (r"(?is)x", {"(?s)x"}),
    ],
)
def test_a_pattern_is_cut_where_its_parts_end(pattern, expected):
    assert {new for new, _, _ in loosened(pattern)} == expected


def test_single_words_and_alternatives_are_tried_when_asked():
    rule = """
  - id: drinks
    vote: undesirable
    match: {any: [{contains-any: [tea, milk]}, {regex: 'coff(?:ee|y)'}]}
    tests:
      - {completion: tea, expect: fire}
      - {completion: coffee, expect: fire}
      - {completion: water, expect: ok}
"""
    assert tried(rule).survivors == ()
    changes = {survivor.change for survivor in tried(rule, wordings=True).survivors}
    assert changes == {"without the word 'milk'", "the pattern without the alternative 'y'"}


def test_what_there_is_no_time_for_is_counted():
    result = tried(BOTH, seconds=0.0)
    assert result.n_left > 0
    assert result.n_mutants + result.n_left >= 5


def test_a_change_that_hangs_is_stopped_and_counts_as_noticed(monkeypatch):
    module = sys.modules["kto_data.labelers.rules.mutation.run"]
    monkeypatch.setattr(module, "decide", lambda rule, row: time.sleep(60))
    monkeypatch.setattr(module, "mutants", lambda raw: list(mutants(raw))[:2])
    result = tried(BOTH, timeout_s=0.1)
    assert (result.n_stopped, result.n_noticed, result.survivors) == (2, 2, ())


def test_rules_without_tests_are_counted():
    result = tried("  - {id: a, vote: undesirable, match: {contains: x}}\n")
    assert (result.n_untested, result.n_mutants) == (1, 0)
