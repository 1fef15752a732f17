from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.ifeval import IfEval
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.readers.meta import Shape
from kto_data.schema import rows_schema

RULE = """version: 1
rules:
  - id: a
    vote: undesirable
    otherwise: desirable
    match: {not: {ifeval: {ids: "{{meta.instruction_id_list}}", kwargs: "{{meta.kwargs}}"}}}
"""
COMMA = "punctuation:no_comma"
WORDS = "length_constraints:number_words"
THREE = {"num_words": 3, "relation": "at least"}

# The published verdicts here are drawn at random, so no verifier agrees with all of them, the publisher's own neither:
# for a letter that is none it counts a random one instead, and in lists of names its language detection, which
# is not seeded, says English or not from draw to draw; so it does in texts of two languages.
AT_RANDOM = {
    "keywords:letter_frequency": 0.96,
    "change_case:english_capital": 0.96,
    "language:response_language": 0.99,  # 1 of 150, loosely
}


def decided(text, **options):
    return IfEval.model_validate(options).decide(text, Context())


@pytest.mark.parametrize(
    ("options", "text", "holds"),
    [
        ({"ids": [COMMA]}, "a b", True),
        ({"ids": COMMA}, "a, b", False),
        ({"ids": [COMMA, WORDS], "kwargs": [{}, THREE]}, "a b c", True),
        ({"ids": [COMMA, WORDS], "kwargs": [{}, THREE]}, "a b", False),
        ({"ids": [COMMA, WORDS], "kwargs": [None, THREE], "need": "any"}, "a b", True),
        ({"ids": [COMMA, WORDS], "kwargs": [{}, THREE], "need": "any"}, "a, b", False),
        ({"ids": [COMMA, WORDS], "kwargs": [{}, THREE], "only": COMMA}, "a b", True),
        ({"ids": [COMMA], "only": WORDS}, "a b", None),
        ({"ids": []}, "a b", None),
        ({"ids": [COMMA], "loose": True}, "Sure, here:\na b", True),
        ({"ids": [COMMA], "loose": False}, "Sure, here:\na b", False),
        # as a column of a table has it: every key in every row, or JSON text
        ({"ids": [COMMA], "kwargs": [{"num_words": None}]}, "a b", True),
        ({"ids": f'["{COMMA}"]', "kwargs": ["{}"]}, "a b", True),
        ({"ids": [WORDS], "kwargs": '[{"num_words": 3, "relation": "at least"}]'}, "a b", False),
    ],
)
def test_instructions_are_followed_or_not(options, text, holds):
    assert decided(text, **options).holds is holds


def test_the_evidence_names_what_was_not_followed():
    assert decided("a, b", ids=[COMMA]).evidence == f"not followed: {COMMA}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ids": ["punctuation:no_coma"]}, "did you mean 'punctuation:no_comma'?"),
        ({"ids": [COMMA], "only": "x"}, "unknown instruction 'x'"),
        ({"ids": [WORDS]}, "length_constraints:number_words: needs the kwarg 'num_words'"),
        ({"ids": [COMMA], "kwargs": [{}, {}]}, "has 1 ids and kwargs for 2"),
        ({"ids": [COMMA], "kwargs": [{"n": 1}]}, "unknown kwarg 'n'; it takes none"),
    ],
)
def test_what_cannot_be_asked_is_a_mistake(options, message):
    with pytest.raises(ValidationError) as error:
        IfEval.model_validate(options)
    assert message in str(error.value)


def test_ids_and_kwargs_come_from_each_row():
    (rule,) = parse_rules(parse_yaml(RULE, name="r.yaml", folder=Path())).rules
    metas = [
        {"instruction_id_list": [COMMA], "kwargs": [{}]},
        {"instruction_id_list": [WORDS], "kwargs": [THREE]},
        {"instruction_id_list": None, "kwargs": None},
        {"instruction_id_list": ["x:y"], "kwargs": [{}]},
    ]
    shape = Shape()
    for meta in metas:
        shape.add(meta)
    text = [{"role": "assistant", "content": "a b"}]
    ids = dict.fromkeys(("row_id", "sample_id", "prompt_id", "source"), "x")
    lines = [
        {**ids, "prompt": text, "completion": text, "meta": shape.meta_converter()(meta)} for meta in metas
    ]
    rows = rows_of(pa.Table.from_pylist(lines, schema=rows_schema(shape.meta_type())))
    decisions = [decide(rule, row) for row in rows]
    assert [decision.vote for decision in decisions] == [1, -1, None, None]
    assert "unknown instruction 'x:y'" in decisions[3].error


@pytest.mark.slow
def test_verdicts_agree_with_the_published_ones(sample_rows):
    right = defaultdict(lambda: {"strict": [], "loose": []})
    for line in sample_rows("ifeval_outputs/responses.jsonl.gz"):
        for way in ("strict", "loose"):
            check = IfEval(ids=line["instruction_id_list"], kwargs=line["kwargs"], loose=way == "loose")
            verdicts = check.verdicts(line["completion"])
            for (name, verdict), published in zip(verdicts, line[f"{way}_list"], strict=True):
                right[name][way].append(verdict == published)
    assert len(right) == 25
    shares = {
        (name, way): sum(each) / len(each) for name, both in right.items() for way, each in both.items()
    }
    low = {key: share for key, share in shares.items() if share < AT_RANDOM.get(key[0], 0.995)}
    assert low == {}


@pytest.mark.slow
def test_the_rule_agrees_with_the_published_verdict_on_all_instructions(sample_rows):
    (rule,) = parse_rules(parse_yaml(RULE, name="r.yaml", folder=Path())).rules
    lines = sample_rows("ifeval_outputs/responses.jsonl.gz")
    right = 0
    for line in lines:
        row = Row(
            completion=[{"role": "assistant", "content": line["completion"]}],
            meta={key: line[key] for key in ("instruction_id_list", "kwargs")},
        )
        right += (decide(rule, row).vote == 1) is line["strict_all"]
    assert right / len(lines) >= 0.995
