"""Which conditions have to be compared."""

from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.lint.alike import Alike
from kto_data.labelers.rules.lint.implication import Implications
from kto_data.labelers.rules.parse import parse_rules

MATCHES = [
    "{contains: refund}",
    "{contains: a refund}",
    "{icontains-any: [REFUND, money]}",
    "{contains-all: [refund, now]}",
    "{contains-any: [refund, pay]}",
    "{contains: other}",
    "{length: {words: {max: 5}}}",
    "{word-count: {max: 9}}",
    "{length: {chars: {max: 9}}}",
    "{regex: 'x+'}",
    "{any: [{regex: 'x+'}, {contains: zebra}]}",
    "{not: {contains: refund}}",
    "{not: {contains: a refund, scope: completion}}",
]


@pytest.fixture(scope="module")
def conditions():
    rules = "".join(
        f"  - {{id: r{n}, vote: undesirable, match: {match}}}\n" for n, match in enumerate(MATCHES)
    )
    return [
        rule.match
        for rule in parse_rules(parse_yaml(f"version: 1\nrules:\n{rules}", name="r", folder=Path())).rules
    ]


def test_no_pair_that_implies_is_missed(conditions):
    implications = Implications()
    alike = Alike(conditions, implications)
    pairs = {
        (one, other)
        for one in range(len(conditions))
        for other in range(len(conditions))
        if one != other and implications.implies(conditions[one], conditions[other])
    }
    assert len(pairs) > 5
    assert all(other in alike.to(one) for one, other in pairs)


def test_what_has_nothing_in_common_is_not_compared(conditions):
    alike = Alike(conditions, Implications())
    assert alike.to(5) == [5] or alike.to(5) == []
    assert 8 not in alike.to(6)
