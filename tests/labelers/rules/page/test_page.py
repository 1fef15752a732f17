"""The page about a set of rules."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.page import rules_page
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet

HOSTILE = "<script>alert(1)</script>\"'&"
RULES = f"""
version: 1
ruleset: mine
description: |
  For {HOSTILE}
rules:
  - id: tea
    vote: undesirable
    otherwise: desirable
    message: |-
      {HOSTILE}
    mode: shadow
    group: drinks
    precision: {{mean: 0.8}}
    when: {{not: {{contains: water, scope: last_user}}}}
    match: {{at_least: {{n: 2, of: [{{contains: tea}}, {{regex: '<b>'}}, {{word-count: {{max: 5}}}}]}}}}
    metadata: {{owner: me}}
    tests:
      - {{name: fires, prompt: hi, completion: "tea <b>", expect: fire}}
      - {{name: broken, prompt: hi, completion: "tea", next_user: "{HOSTILE[:8]}", expect: ok}}
  - id: thumbs
    vote: {{column: meta.thumb, map: {{up: desirable}}}}
"""


@pytest.fixture(scope="module")
def page():
    file = parse_yaml(RULES, name="r.yaml", folder=Path())
    rules = RuleSet(parse_rules(file).rules, ())
    return rules_page(rules, {"r.yaml": file}, list(run_inline_tests(rules)))


class Read(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.parts, self.links = [], [], []
        self.feed(page)
        self.text = " ".join("".join(self.parts).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data):
        self.parts.append(data)


def test_the_page_says_what_each_rule_does(page):
    text = Read(page).text.replace(" ", "")
    for piece in (
        "2 rules, 2 tests, 1 not as expected",
        "otherwise desirable",
        "shadow: counted, never votes",
        "0.8, worth 10 labels",
        "at least 2 of 3",
        "contains on last_user value water",
        "word-count max 5",
        "what was logged in meta.thumb: up is desirable",
        "holds back failed",
        "owner me",
    ):
        assert piece.replace(" ", "") in text


def test_texts_from_outside_are_escaped_and_nothing_is_loaded(page):
    read = Read(page)
    assert HOSTILE in read.text
    assert "script" not in read.tags
    assert all(link.startswith("#") for link in read.links)
    assert "default-src 'none'" in page


def test_a_group_of_one_part_is_shown_as_the_part():
    rule = "{id: a, vote: undesirable, assert: [{type: contains, value: tea}]}"
    file = parse_yaml(f"version: 1\nrules:\n  - {rule}\n", name="r.yaml", folder=Path())
    rules = RuleSet(parse_rules(file).rules, ())
    text = Read(rules_page(rules, {"r.yaml": file}, [])).text
    assert "not contains value tea" in text
    assert "all of" not in text
