"""Checks whose options, other texts or columns come from the row: both engines have to say the same."""

from pathlib import Path

import pyarrow as pa
import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.readers.meta import Shape
from kto_data.schema import rows_schema

RULES = """version: 1
rules:
  - {id: word, vote: desirable, otherwise: undesirable, match: {icontains: "{{meta.word}}"}}
  - {id: any, vote: desirable, match: {any: [{contains: x}, {contains: "{{meta.word}}"}]}}
  - {id: count, vote: desirable, otherwise: undesirable, match: {word-count: {max: "{{meta.n}}"}}}
  - id: topic
    vote: undesirable
    otherwise: desirable
    when: {regex: '(?i)about (?P<topic>\\w+)', scope: prompt}
    match: {not: {icontains: "{{topic}}"}}
  - {id: ifeval, vote: desirable, otherwise: undesirable, match: {ifeval: {ids: "{{meta.ids}}", kwargs: "{{meta.kwargs}}"}}}
  - {id: math, vote: desirable, otherwise: undesirable, match: {math-equal: {value: "{{meta.answer}}"}}}
  - {id: near, vote: undesirable, match: {near-duplicate-of: {column: meta.word, threshold: 0.5}}}
  - {id: ratio, vote: undesirable, otherwise: desirable, match: {length-ratio: {to: meta.word, max: 2}}}
  - {id: cut, vote: undesirable, otherwise: desirable, match: {finish-reason: length}}
  - {id: not-cut, vote: undesirable, otherwise: desirable, match: {not-finish-reason: length}}
  - {id: col, vote: undesirable, otherwise: desirable, match: {column: {name: meta.n, op: ">", value: 2}}}
  - {id: code, vote: undesirable, match: {not: {is-valid-code: python}}}
  - {id: calls, vote: undesirable, match: {contains: f, scope: tool_calls}}
  - {id: thought, vote: undesirable, otherwise: desirable, match: {contains: hm, scope: reasoning}}
  - {id: blocks, vote: undesirable, otherwise: desirable, match: {contains: "=", scope: code_blocks}}
"""
TEXTS = [
    "Cats purr x",
    "<think>hm</think> 7",
    "```python\nx = 1\n```",
    "```py\nx = (\n```",
    "So 3 + 4 = 7, about dogs and cats and more.",
    "",
]
METAS = [
    {"word": "cats", "n": 3, "ids": ["punctuation:no_comma"], "kwargs": [{}], "answer": "7"},
    {"word": None, "n": None, "ids": None, "kwargs": None, "answer": None},
    {
        "word": "Cats purr x",
        "n": 0,
        "ids": ["detectable_content:number_placeholders"],
        "kwargs": [{"num_placeholders": 1}],
        "answer": "x",
    },
    {"word": "", "n": -1, "ids": ["no:such"], "kwargs": [{"num_placeholders": 1}], "answer": "1/2"},
]


def batch():
    shape = Shape()
    for meta in METAS:
        shape.add(meta)
    convert = shape.meta_converter()
    lines = []
    for number in range(len(TEXTS) * len(METAS)):
        text, meta = TEXTS[number % len(TEXTS)], METAS[number % len(METAS)]
        calls = '[{"name": "f"}]' if number % 5 == 0 else None
        lines.append(
            {
                "row_id": f"r{number}",
                "sample_id": "s",
                "prompt_id": "p",
                "prompt": [{"role": "user", "content": "Write about cats" if number % 2 else "Hi"}],
                "completion": [{"role": "assistant", "content": text, "tool_calls": calls}],
                "source": "x",
                "finish_reason": ("length", "stop", None)[number % 3],
                "meta": convert(meta),
            }
        )
    return pa.RecordBatch.from_pylist(lines, schema=rows_schema(shape.meta_type()))


def test_both_engines_say_the_same():
    rules = RuleSet(parse_rules(parse_yaml(RULES, name="r.yaml", folder=Path())).rules, ())
    rows = batch()
    slow, fast = label_batch(rules, rows), FastRules(rules).label(rows)
    for name in rules.ids:
        assert fast.votes[name].to_pylist() == slow.votes[name].to_pylist(), name
    assert sorted(fast.faults.to_pylist(), key=str) == sorted(slow.faults.to_pylist(), key=str)
    assert {fault["labeler"] for fault in slow.faults.to_pylist()} == {"word", "count", "any", "ifeval"}


@pytest.mark.parametrize("rule", ["near", "code", "calls", "math", "not-cut"])
def test_rows_without_what_is_compared_are_not_applicable(rule):
    rules = RuleSet(parse_rules(parse_yaml(RULES, name="r.yaml", folder=Path())).rules, ())
    assert None in FastRules(rules).label(batch()).votes[rule].to_pylist()
