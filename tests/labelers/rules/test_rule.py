import json
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import LABELERS

BASE = "id: a, vote: undesirable, match: {contains: x}"


def rule_of(body, folder=Path()):
    text = f"version: 1\nlists: {{words: [x]}}\nrules:\n  - {{{body}}}\n"
    (rule,) = parse_rules(parse_yaml(text, name="r.yaml", folder=folder)).rules
    return rule


@pytest.mark.parametrize(
    "body",
    [
        "id: a, vote: undesirable, match: {contains: {value: x}}",
        "id: a, vote: undesirable, match: {contains: x}, message: 'Because.', metadata: {owner: me}",
        "id: a, vote: undesirable, match: {contains: x}, tests: [{completion: x, expect: fire}]",
        "id: a, vote: undesirable, scope: completion, match: {contains: x, scope: completion}, weight: auto",
    ],
)
def test_the_version_stays_where_the_meaning_does(body):
    assert rule_of(body).version == rule_of(BASE).version


@pytest.mark.parametrize(
    "body",
    [
        "id: a, vote: desirable, match: {contains: x}",
        "id: a, vote: undesirable, match: {contains: y}",
        "id: a, vote: undesirable, match: {contains: x}, scope: prompt",
        "id: a, vote: undesirable, match: {contains: x}, when: {contains: y}",
        "id: a, vote: undesirable, match: {contains: x}, otherwise: desirable",
        "id: a, vote: undesirable, match: {icontains: x}",
        "id: a, vote: undesirable, match: {contains: x}, weight: 2",
    ],
)
def test_another_meaning_is_another_version(body):
    assert rule_of(body).version != rule_of(BASE).version


def test_the_words_of_a_list_file_are_part_of_the_meaning(tmp_path):
    body = "id: a, vote: undesirable, match: {contains-any: {file: words.txt}}"
    versions = set()
    for words in ("x\n", "x\ny\n", "# a comment\nx\n"):
        (tmp_path / "words.txt").write_text(words)
        versions.add(rule_of(body, tmp_path).version)
    assert len(versions) == 2


def test_a_version_is_16_hex_digits():
    assert len(rule_of(BASE).version) == 16
    int(rule_of(BASE).version, 16)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (BASE, "content"),
        ("id: a, vote: undesirable, match: {contains: x, scope: last_user}", "content"),
        ("id: a, vote: undesirable, match: {contains: x}, when: {contains: y, scope: next_user}", "event"),
        ("id: a, vote: undesirable, match: {not: {contains: x, scope: meta.plan}}", "event"),
        ("id: a, vote: undesirable, match: {cut-off: true}", "event"),
        ("id: a, vote: undesirable, match: {cut-off: {finish_reason: false}}", "content"),
        ("id: a, vote: {column: meta.thumb, map: {up: desirable}}", "event"),
        ("id: a, vote: {column: model, map: {m: desirable}}", "content"),
    ],
)
def test_a_rule_that_looks_around_the_output_is_about_an_event(body, about):
    assert rule_of(body).about == about


def test_the_labelers_table_says_how_each_vote_counts():
    body = (
        "id: a, vote: undesirable, match: {contains-any: {list: words}}, mode: veto, weight: 2, priority: 3, group: g,"
        " precision: {mean: 0.9, strength: 5}, cap: {per: meta.user, max: 4}"
    )
    rule = rule_of(body)
    table = RuleSet((rule,), ()).labelers()
    assert table.schema.equals(LABELERS)
    (line,) = table.to_pylist()
    assert json.loads(line.pop("definition"))["match"]["contains-any"]["values"] == ["x"]
    assert line == {
        "labeler": "a",
        "version": rule.version,
        "kind": "rule",
        "mode": "veto",
        "about": "content",
        "weight": 2.0,
        "group": "g",
        "cap_per": "meta.user",
        "cap_max": 4,
        "priority": 3,
        "prior_mean": 0.9,
        "prior_strength": 5.0,
    }
