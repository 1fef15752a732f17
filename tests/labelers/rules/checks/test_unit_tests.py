import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.unit_tests import UnitTests
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row

pytestmark = pytest.mark.slow

ADD = "Here:\n```python\ndef add(a, b):\n    return a + b\n```\nDone."


@pytest.mark.parametrize(
    ("text", "options", "holds"),
    [
        (ADD, {"tests": "assert add(1, 2) == 3"}, True),
        (ADD, {"tests": ["assert add(1, 2) == 3", "assert add(1, 1) == 3"]}, False),
        (ADD, {"tests": "def check(f):\n    assert f(1, 2) == 3", "entry_point": "add"}, True),
        (ADD, {"tests": "def check(f):\n    assert f(1, 2) == 4", "entry_point": "add"}, False),
        ("```\nx = 1\n```\n```py\ny = x\n```", {"tests": "assert y == 1"}, True),
        ("```js\nx = 1\n```", {"tests": "pass"}, False),
        ("x = 1", {"tests": "assert x == 1"}, False),
        ("x = 1", {"tests": "assert x == 1", "whole": True}, True),
    ],
)
def test_code_passes_its_tests_or_not(text, options, holds):
    assert UnitTests.model_validate(options).decide(text, Context()).holds is holds


def test_the_evidence_says_why_not():
    found = UnitTests(tests="assert add(1, 2) == 4, 'sum'").decide(ADD, Context())
    assert found.evidence == "tests: AssertionError: sum"


def test_tests_come_from_the_row_or_from_a_file(tmp_path):
    (tmp_path / "tests.py").write_text("assert add(1, 2) == 3\n", encoding="utf-8")
    text = """version: 1
rules:
  - {id: a, vote: desirable, match: {unit-tests: {tests: "{{meta.test_list}}"}}}
  - {id: b, vote: desirable, match: {unit-tests: {tests: {file: tests.py}}}}
"""
    rules = parse_rules(parse_yaml(text, name="r.yaml", folder=tmp_path)).rules
    row = Row(
        completion=[{"role": "assistant", "content": ADD}], meta={"test_list": ["assert add(2, 2) == 5"]}
    )
    assert [decide(rule, row).fired for rule in rules] == [False, True]
    assert decide(rules[0], Row(completion=row.completion)).fired is None
