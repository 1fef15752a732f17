from pathlib import Path

import pytest
from pydantic import ValidationError

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.math_equal import MathEqual, Numeric
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row

RULE = """version: 1
rules:
  - id: a
    vote: desirable
    otherwise: undesirable
    match: {math-equal: {value: "{{meta.ground_truth}}", extract: {after: "A:"}}}
"""


def holds(kind, text, **options):
    return kind.model_validate(options).decide(text, Context()).holds


@pytest.mark.parametrize(
    ("text", "options", "right"),
    [
        (r"So \boxed{\frac{1}{2}}, not 3", {"value": "0.5"}, True),
        ("So 3 + 4 = 7.", {"value": "7"}, True),
        ("So 3 + 4 = 7.", {"value": 7}, True),
        ("It costs 5 apples.\n#### 1,200", {"value": "reasoning ...\n#### 1200"}, True),
        ("7 first, then 8", {"value": "7"}, False),
        (r"7, \boxed{8}", {"value": "7", "extract": "last"}, False),
        (r"\boxed{7}, or 8", {"value": "7", "extract": "last"}, False),
        ("just 7", {"value": "7", "extract": "boxed"}, False),
        ("A: 7 apples\nB: 9", {"value": "7", "extract": {"after": "A:"}}, True),
        ("A: the total is 7.", {"value": "7", "extract": {"after": "A:"}}, True),
        ("A: 7 or 8", {"value": "8", "extract": {"after": "A:"}}, False),
        ("no answer", {"value": "7"}, False),
        (r"\boxed{x + 1}", {"value": "x+1"}, True),
        (r"\boxed{\text{Evelyn}}", {"value": "Evelyn"}, True),
        ("3.14", {"value": "3.15", "tolerance": 0.01}, True),
        ("3.13", {"value": "3.15", "tolerance": 0.01}, False),
        ("7", {"value": "She has 3 and 4 of them, which makes 7 in all"}, True),
    ],
)
def test_the_final_answer_is_compared(text, options, right):
    assert holds(MathEqual, text, **options) is right


@pytest.mark.parametrize(
    ("text", "options", "right"),
    [
        ("about 3.14159", {"value": 3.14, "tolerance": 0.01}, True),
        ("about 3.2", {"value": 3.14, "tolerance": 0.01}, False),
        ("none", {"value": 3}, False),
        ("-1e3", {"value": "-1,000"}, True),
    ],
)
def test_numeric_compares_within_its_tolerance(text, options, right):
    assert holds(Numeric, text, **options) is right


def test_the_evidence_says_both_answers():
    assert MathEqual(value="7").decide("so 8", Context()).evidence == "8, not 7"


def test_a_value_that_is_no_number_is_a_fault_of_numeric():
    with pytest.raises(RowError, match="'seven', not a number"):
        holds(Numeric, "7", value="seven")


@pytest.mark.parametrize("options", [{}, {"value": "1", "extract": "first"}, {"value": "1", "tolerance": -1}])
def test_options_that_make_no_sense_are_mistakes(options):
    with pytest.raises(ValidationError):
        MathEqual.model_validate(options)


@pytest.mark.slow
def test_the_math_rule_reproduces_every_published_verdict_on_gsm8k(sample_rows):
    (rule,) = parse_rules(parse_yaml(RULE, name="r.yaml", folder=Path())).rules
    wrong = []
    for line in sample_rows("gsm8k_solutions/solutions.jsonl.gz"):
        completion = [{"role": "assistant", "content": line["completion"]}]
        decision = decide(rule, Row(completion=completion, meta={"ground_truth": line["ground_truth"]}))
        if decision.vote != (1 if line["is_correct"] else -1):
            wrong.append(line["id"])
    assert wrong == []
