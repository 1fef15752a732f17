"""What rules cost."""

import pyarrow as pa
import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.bench import bench, slow_parts
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import rows_schema

RULES = r"""
version: 1
rules:
  - {id: plain, vote: undesirable, match: {contains: refund}}
  - {id: many, vote: undesirable, match: {regex: {pattern: '(\w+) \1 \1', engine: python, timeout_s: 100}}}
"""


def rules_of(text, tmp_path):
    return RuleSet(parse_rules(parse_yaml(text, name="r.yaml", folder=tmp_path)).rules, ())


def rows(n):
    message = [{"role": "user", "content": "What is it?"}]
    record = {"sample_id": "s", "prompt_id": "p", "prompt": message, "source": "t"}
    records = [
        record | {"row_id": str(i), "completion": [{"role": "assistant", "content": f"words {i} " * 1000}]}
        for i in range(n)
    ]
    return pa.RecordBatch.from_pylist(records, schema=rows_schema())


@pytest.mark.slow
def test_the_dearest_rule_has_the_largest_share(tmp_path):
    costs = bench(rules_of(RULES, tmp_path), [rows(20)], seconds=0.2)
    shares = {cost.rule: cost.share for cost in costs.rules}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["many"] > 0.6
    assert (costs.n_rows, costs.n_rows_each <= 20) == (20, True)


def test_without_rows_nothing_is_measured(tmp_path):
    assert [cost.share for cost in bench(rules_of(RULES, tmp_path), [], seconds=1).rules] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ("{contains: x}", None),
        ("{regex: 'a+b'}", None),
        ("{word-count: {max: '{{meta.n}}'}}", "options come from the row"),
        (r"{regex: {pattern: '^(?!.*x)', engine: python}}", "RE2 first"),
        ("{language: {is: en}}", "each text by itself"),
        ("{sql: 'meta.a > 1'}", "outside the engine"),
    ],
)
def test_why_a_rule_is_slow_is_told(tmp_path, match, words):
    rules = rules_of(f"version: 1\nrules:\n  - {{id: a, vote: undesirable, match: {match}}}", tmp_path)
    found = slow_parts(rules.rules[0])
    assert (found == []) if words is None else (words in found[0])
