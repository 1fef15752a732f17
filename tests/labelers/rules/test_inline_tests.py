import time
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.conditions import Leaf
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet


def run(*tests, match="{contains: x}", vote="undesirable"):
    lines = "".join(f"      - {{{test}}}\n" for test in tests)
    text = f"version: 1\nrules:\n  - id: a\n    vote: {vote}\n"
    text += (f"    match: {match}\n" if match else "") + f"    tests:\n{lines}"
    parsed = parse_rules(parse_yaml(text, name="r.yaml", folder=Path()))
    return list(run_inline_tests(RuleSet(parsed.rules, ())))


@pytest.mark.parametrize(
    ("test", "status"),
    [
        ("completion: x, expect: fire", "passed"),
        ("completion: y, expect: ok", "passed"),
        ("completion: y, expect: fire", "failed"),
        ("completion: y, expect: skip", "failed"),
        ("completion: y, expect: fire, todo: true", "todo"),
        ("completion: x, expect: fire, todo: true", "todo passes"),
    ],
)
def test_a_test_passes_if_the_rule_does_what_it_should(test, status):
    (result,) = run(test)
    assert result.status == status
    assert result.is_finding == (status in ("failed", "todo passes"))


def test_a_failure_says_where_and_what_was_got():
    first, second = run("completion: x, expect: fire", "name: no x, completion: yx, expect: ok")
    assert str(first) == "r.yaml:7: a: test 1: passed"
    assert str(second) == "r.yaml:8: a: no x: failed: expected ok, got fire (x)"


@pytest.mark.parametrize(
    ("scope", "test"),
    [
        ("last_user", "prompt: x"),
        ("first_user", "messages: [{role: user, content: x}, {role: user, content: y}]"),
        ("system", "system: x"),
        ("next_user", "next_user: x"),
        ("meta.plan", "meta: {plan: x}"),
    ],
)
def test_a_test_can_give_every_part_of_a_row(scope, test):
    (result,) = run(f"{test}, expect: fire", match=f"{{contains: x, scope: {scope}}}")
    assert result.status == "passed"


def test_a_fault_is_no_expected_outcome():
    (result,) = run("meta: {t: z}, expect: skip", match="", vote="{column: meta.t, map: {x: desirable}}")
    assert (result.got, result.status) == ("fault", "failed")
    assert "meta.t is 'z'" in str(result)


def test_a_test_that_hangs_is_stopped_and_failed_and_the_others_run(tmp_path, monkeypatch):
    rules = RuleSet(
        parse_rules(
            parse_yaml(
                "version: 1\nrules:\n  - id: a\n    vote: undesirable\n    match: {contains: x}\n    tests:\n"
                "      - {completion: hang, expect: ok}\n      - {completion: x, expect: fire}\n",
                name="r.yaml",
                folder=tmp_path,
            )
        ).rules,
        (),
    )
    monkeypatch.setattr(Leaf, "decide", _hang_on_demand(Leaf.decide))
    first, second = run_inline_tests(rules, timeout_s=0.2)
    assert (first.status, first.got, first.line) == ("failed", "fault", 7)
    assert str(first).endswith("(took longer than 0.2 s and was stopped)")
    assert second.status == "passed"


def _hang_on_demand(decide):
    def hang(leaf, row, captures):
        if row.completion[0]["content"] == "hang":
            time.sleep(60)
        return decide(leaf, row, captures)

    return hang
