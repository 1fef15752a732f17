"""`kto rules`: test, lint and list."""

import json

import pytest

pytestmark = pytest.mark.slow

ONE_TEST = """\
version: 1
ruleset: mine
rules:
  - id: rude
    vote: undesirable
    message: "It is rude."
    match: {contains-any: [rude]}
    tests:
      - {name: told, completion: "how rude", expect: fire}
      - {name: other, completion: "how nice", expect: WANTED}
"""


def test_tests_that_come_out_as_expected_are_counted(kto):
    kto.write("r.yaml", ONE_TEST.replace("WANTED", "ok"))
    done = kto("rules", "test", "r.yaml")
    assert (done.returncode, done.stdout) == (0, "2 of 2 tests as expected\n")


def test_a_test_that_fails_is_told_with_its_line_and_exit_code_1(kto):
    kto.write("r.yaml", ONE_TEST.replace("WANTED", "fire"))
    done = kto("rules", "test", "r.yaml")
    assert done.returncode == 1
    assert "r.yaml:10: rude: other: failed: expected fire, got ok" in done.stdout
    assert "1 of 2 tests did not come out as expected" in done.stderr
    document = json.loads(kto("rules", "test", "r.yaml", "--json").stdout)
    assert (document["n_tests"], document["n_bad"]) == (2, 1)
    assert [test["status"] for test in document["tests"]] == ["passed", "failed"]


def test_rules_are_listed_with_what_they_mean_and_where_they_stand(kto):
    kto.write("r.yaml", ONE_TEST.replace("WANTED", "ok"))
    done = kto("rules", "list", "r.yaml")
    assert done.stdout.split() == ["rude", "vote", "r.yaml:4", "It", "is", "rude."]
    [rule] = json.loads(kto("rules", "list", "r.yaml", "--json").stdout)
    assert rule == {"file": "r.yaml", "line": 4, "id": "rude", "mode": "vote", "message": "It is rude."}


def test_without_a_file_the_packs_that_ship_are_listed(kto):
    files = {rule["file"] for rule in json.loads(kto("rules", "list", "--json").stdout)}
    assert {"builtin:refusals", "builtin:degeneration", "builtin:quickstart"} <= files


@pytest.mark.parametrize("command", ["test", "lint", "list"])
def test_a_wrong_rule_file_is_told_with_every_mistake(kto, command):
    kto.write("r.yaml", ONE_TEST.replace("WANTED", "maybe").replace("vote: undesirable", "vote: bad"))
    done = kto("rules", command, "r.yaml")
    assert done.returncode == 2
    assert "r.yaml:5:" in done.stderr
    assert "r.yaml:10:" in done.stderr


def test_lint_says_what_is_probably_wrong_with_file_and_line(kto):
    kto.write("r.yaml", ONE_TEST.replace("WANTED", "ok"))
    done = kto("rules", "lint", "r.yaml")
    assert (done.returncode, done.stdout) == (0, "1 rules, 0 findings\n")
    kto.write("r.yaml", ONE_TEST.partition("    tests:")[0])
    done = kto("rules", "lint", "r.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith("r.yaml:4: rude: no-tests: has no tests; add one")
    document = json.loads(kto("rules", "lint", "r.yaml", "--json").stdout)
    assert document["n_rules"] == 1
    assert [(each["rule"], each["kind"], each["line"]) for each in document["findings"]] == [
        ("rude", "no-tests", 4)
    ]
