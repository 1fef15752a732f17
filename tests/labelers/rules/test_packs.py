from pathlib import Path

import pytest

from kto_data.config.yaml_file import load_yaml
from kto_data.labelers.rules import builtin_packs, load_rules, run_inline_tests

PACKS = builtin_packs()


@pytest.mark.parametrize("pack", PACKS)
def test_the_packs_own_tests_pass(pack):
    rules = load_rules([f"builtin:{pack}"], base=Path())
    assert [str(result) for result in run_inline_tests(rules) if result.status != "passed"] == []


@pytest.mark.parametrize("pack", PACKS)
def test_each_rule_shows_where_it_fires_and_where_not(pack):
    for rule in load_rules([f"builtin:{pack}"], base=Path()).rules:
        shown = {test.expect for test in rule.tests}
        # a logged vote has no case of not firing but an unmapped or missing value
        assert {"fire", "skip" if rule.match is None else "ok"} <= shown, rule.id
        assert rule.when is None or "skip" in shown, rule.id
        assert rule.options.precision is not None, rule.id


@pytest.mark.parametrize("pack", PACKS)
def test_each_pack_says_what_it_is_for(pack):
    (path, *_) = load_rules([f"builtin:{pack}"], base=Path()).files
    assert len(load_yaml(path).data["description"]) > 20


def test_what_judges_the_quickstart_has_no_part_in_its_labels():
    training = load_rules(["builtin:quickstart", "builtin:feedback"], base=Path())
    judging = load_rules(["builtin:quickstart-held-out"], base=Path())
    assert len(judging.ids) >= 2
    assert not set(training.ids) & set(judging.ids)
    assert not {str(rule.definition["match"]) for rule in training.rules} & {
        str(rule.definition["match"]) for rule in judging.rules
    }
