"""Rule files to begin with."""

from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.lint import lint_rules
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.labelers.rules.skeleton import EXAMPLES, skeleton


@pytest.mark.parametrize("check", EXAMPLES)
def test_every_skeleton_passes_its_tests_and_lint(check):
    file = parse_yaml(skeleton("mine", "first", check), name="r.yaml", folder=Path())
    rules = RuleSet(parse_rules(file).rules, ())
    assert [result.status for result in run_inline_tests(rules)] == ["passed", "passed"]
    assert lint_rules(rules) == []
