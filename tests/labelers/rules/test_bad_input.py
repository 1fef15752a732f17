"""Bad rule files are told with file and line before any work; bad rows are faults of one rule on one row."""

import time

import pyarrow as pa
import pytest

from kto_data.errors import ConfigError, InputError
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.load import load_rules
from kto_data.schema import rows_schema

HEAD = "version: 1\nrules:\n  - id: a\n    vote: undesirable\n"
BOMB = "version: 1\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n" + "".join(
    f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 9)
)

# a rule file, and how the message begins
FILES = {
    "broken YAML": (HEAD + "    match: {contains: x\n", "r.yaml:6: not valid YAML: "),
    "a tab": (HEAD + "\tmatch: {contains: x}\n", "r.yaml:5: not valid YAML: a tab is used for indentation"),
    "a tag": (HEAD + "    match: !!python/object:os.system {contains: x}\n", "r.yaml:5: rules[0].match: the tag"),
    "a key given twice": (HEAD + "    match: {contains: x}\n    match: {contains: y}\n", "r.yaml:6: rules[0].match: "),
    "an unknown key": (HEAD + "    mach: {contains: x}\n    match: {contains: x}\n",
                       "r.yaml:5: rules[0] (a).mach: unknown key; did you mean 'match'?"),
    "an unknown option": (HEAD + "    match: {contains: {valeu: x}}\n", "r.yaml:5: rules[0] (a).match.contains"),
    "an unknown check": (HEAD + "    match: {contians: x}\n",
                         "r.yaml:5: rules[0] (a).match.contians: unknown check 'contians'; did you mean 'contains'?"),
    "a bad pattern": (HEAD + "    match: {regex: '(a'}\n", "r.yaml:5: rules[0] (a).match.regex: not a pattern that RE2"),
    "a bad pattern of Python's": (HEAD + "    match: {regex: {engine: python, pattern: '(a'}}\n",
                                  "r.yaml:5: rules[0] (a).match.regex.pattern: not a pattern that Python"),
    "a missing list file": (HEAD + "    match: {contains-any: {file: no.txt}}\n",
                            "r.yaml:5: rules[0] (a).match.contains-any.file: no such file: no.txt"),
    "a missing list": (HEAD + "    match: {contains-any: {list: no}}\n", "r.yaml:5: rules[0] (a).match.contains-any.list: unknown list"),
    "a missing schema": (HEAD + "    match: {is-json: {schema: {file: no.json}}}\n",
                         "r.yaml:5: rules[0] (a).match.is-json.schema.file: no such file: no.json"),
    "a missing function": (HEAD + "    match: {python: {ref: 'no.py:f'}}\n", "r.yaml:5: rules[0] (a).match.python.ref: no such file"),
    "a missing model": (HEAD + "    match: {perplexity: {model: ./no, max: 3}}\n", "r.yaml:5: rules[0] (a).match.perplexity.model: "),
    "SQL that reads a file": (HEAD + "    match: {sql: \"read_text('/etc/passwd') <> ''\"}\n",
                              "r.yaml:5: rules[0] (a).match.sql: may not use the function read_text()"),
    "SQL with a query": (HEAD + "    when: {sql: \"(SELECT true FROM 'x.csv')\"}\n    match: {contains: x}\n",
                         "r.yaml:5: rules[0] (a).when.sql: may not have queries"),
    "SQL of an unknown column": (HEAD + "    match: {sql: \"completio = 'x'\"}\n",
                                 "r.yaml:5: rules[0] (a).match.sql: unknown column completio; did you mean 'completion'?"),
    "SQL that compares a text with a number": (HEAD + "    match: {sql: 'completion > 3'}\n",
                                               "r.yaml:5: rules[0] (a).match.sql: SQL: Binder Error: Cannot compare"),
    "SQL that is no condition": (HEAD + "    match: {sql: finish_reason}\n",
                                 "r.yaml:5: rules[0] (a).match.sql: is not true or false but of the type VARCHAR"),
    "an empty list": (HEAD + "    match: {contains-any: []}\n", "r.yaml:5: rules[0] (a).match.contains-any: should be a list"),
    "SQL that is none": (HEAD + "    match: {sql: 'meta.x >'}\n", "r.yaml:5: rules[0] (a).match.sql: is not SQL"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_told_with_its_line(tmp_path, name):
    text, message = FILES[name]
    (tmp_path / "r.yaml").write_text(text)
    start = time.monotonic()
    with pytest.raises(ConfigError) as told:
        load_rules(["r.yaml"], base=tmp_path)
    assert str(told.value).startswith(message)
    assert time.monotonic() - start < 20


@pytest.mark.slow
def test_an_anchor_bomb_says_what_it_is(tmp_path):
    (tmp_path / "r.yaml").write_text(BOMB)
    with pytest.raises(
        ConfigError, match=r"r\.yaml:7: x5: more than 1,000,000 values once aliases are expanded"
    ):
        load_rules(["r.yaml"], base=tmp_path)


def test_a_file_that_is_not_text_is_told(tmp_path):
    (tmp_path / "r.yaml").write_bytes(b"version: 1\nrules: \xff\n")
    with pytest.raises(InputError, match="not UTF-8 text"):
        load_rules(["r.yaml"], base=tmp_path)


def test_every_mistake_of_a_file_is_told_at_once(tmp_path):
    rules = "".join(text.removeprefix("version: 1\nrules:\n").replace("id: a", f"id: r{n}")
                    for n, (text, message) in enumerate(FILES.values()) if "(a)" in message)  # fmt: skip
    (tmp_path / "r.yaml").write_text("version: 1\nrules:\n" + rules)
    with pytest.raises(ConfigError) as told:
        load_rules(["r.yaml"], base=tmp_path)
    assert len(told.value.mistakes) >= sum("(a)" in message for _, message in FILES.values())
    assert all(mistake.line for mistake in told.value.mistakes)


CODE = """
def raises(text, row):
    raise ValueError("no " + text)

def forever(text, row):
    while text == "forever":
        pass
    return True
"""
RULES = """
version: 1
rules:
  - {id: fine, vote: desirable, match: {contains: fine}}
  - {id: raises, vote: undesirable, match: {python: {ref: 'code.py:raises'}}}
  - {id: forever, vote: undesirable, match: {python: {ref: 'code.py:forever', timeout_s: 0.5}}}
  - {id: backtracks, vote: undesirable, match: {regex: {engine: python, pattern: '(x+x+)+z', timeout_s: 0.2}}}
  - {id: casts, vote: undesirable, match: {sql: 'completion::int > 3'}}
  - {id: deep, vote: undesirable, match: {is-json: true}}
  - {id: lenient, vote: undesirable, on_error: abstain, match: {sql: 'completion::int > 3'}}
"""
TEXTS = ["fine", "forever", "x" * 5000 + "y xxz", "12", "[" * 200_000]


def table(texts):
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": "Hi"}],
            "completion": [{"role": "assistant", "content": text}],
            "source": "t",
        }
        for n, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema())


def label_fast(rules, rows):
    (batch,) = rows.combine_chunks().to_batches()
    return FastRules(rules).label(batch)


@pytest.mark.slow
@pytest.mark.parametrize("label", [label_batch, label_fast])
def test_a_rule_that_fails_on_a_row_is_a_fault_there_and_everything_else_goes_on(tmp_path, label):
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "r.yaml").write_text(RULES)
    votes, faults = label(load_rules(["r.yaml"], base=tmp_path), table(TEXTS))
    columns = {name: votes.column(name).to_pylist() for name in votes.column_names[2:]}
    assert columns == {
        "fine": [1, 0, 0, 0, 0],
        "raises": [None] * 5,
        "forever": [-1, None, -1, -1, -1],
        "backtracks": [0, 0, None, 0, 0],
        "casts": [None, None, None, -1, None],
        "deep": [0, 0, 0, -1, None],
        "lenient": [0, 0, 0, -1, 0],
    }
    told = {(fault["labeler"], fault["row_id"]): fault["error"] for fault in faults.to_pylist()}
    assert told["raises", "r3"] == "code.py:raises: ValueError: no 12"
    assert told["forever", "r1"] == "code.py:forever took longer than 0.5 s and was ended"
    assert told["backtracks", "r2"].startswith("the pattern took longer than 0.2 s")
    assert told["casts", "r0"].startswith("SQL: Conversion Error")
    assert told["deep", "r4"] == "the JSON is nested too deeply to read"
    assert len(told) == 5 + 1 + 1 + 4 + 1 + 4


@pytest.mark.slow
def test_a_completion_of_fifty_megabytes_is_labelled(tmp_path):
    checks = [
        "is-json", "contains-json", "is-xml", "contains-xml", "is-html", "contains-html", "is-refusal", "hedging",
        "sycophancy-phrases", "preamble", "emoji", "mixed-language", "pii", "secrets",
    ]  # fmt: skip
    rules = "".join(f"  - {{id: {name}, vote: undesirable, match: {{{name}: true}}}}\n" for name in checks)
    (tmp_path / "r.yaml").write_text(f"version: 1\nrules:\n{rules}")
    text = "the quick brown fox \x00 jumps. " * 1_800_000
    assert len(text) > 50_000_000
    votes, faults = label_batch(load_rules(["r.yaml"], base=tmp_path), table([text, "ok"]))
    assert votes.num_rows == 2
    assert faults.to_pylist() == []
