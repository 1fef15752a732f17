"""Rules that stand for a judge: the language knows them, and rules alone do not ask judges."""

import pyarrow as pa
import pytest

from kto_data.errors import ConfigError
from kto_data.labelers.rules.engine import label_batch, missing_columns
from kto_data.labelers.rules.file_model import JudgeVote
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.load import load_rules
from kto_data.schema import rows_schema

TEXT = """
version: 1
rules:
  - {id: bad, vote: undesirable, match: {contains: bad}}
  - id: judge-if-unsure
    vote: {judge: helpful-v3}
    when: {all: [{unresolved: true}, {word-count: {min: 3}}]}
"""


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "r.yaml").write_text(TEXT)
    return load_rules(["r.yaml"], base=tmp_path)


def test_they_do_not_vote_and_are_told(rules):
    assert rules.ids == ("bad",)
    (rule,) = rules.for_judges
    assert rule.vote == JudgeVote(judge="helpful-v3")
    votes, faults = label_batch(rules, rows_schema(pa.struct([])).empty_table())
    assert votes.column_names == ["row_id", "sample_id", "bad"]
    assert faults.num_rows == 0
    assert list(missing_columns(rules, rows_schema())) == [
        "r.yaml:5: judge-if-unsure: stands for the judge 'helpful-v3'; rules do not ask judges, so it has no votes here"
    ]
    assert list(run_inline_tests(rules)) == []


def test_their_ids_are_unique_too(tmp_path):
    (tmp_path / "r.yaml").write_text(TEXT.replace("id: bad", "id: judge-if-unsure"))
    with pytest.raises(ConfigError, match="the id 'judge-if-unsure' is taken"):
        load_rules(["r.yaml"], base=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("when: {all: [{unresolved: true}, {word-count: {min: 3}}]}", "match: {contains: x}", "match: the vote of a judge has no match"),
        ("when:", "otherwise: desirable\n    when:", "otherwise: the vote of a judge has no otherwise"),
        ("when:", "tests: [{completion: x, expect: ok}]\n    when:", "tests: the vote of a judge has no tests"),
        ("unresolved: true", "unresolved: false", "unresolved: should be true, not False"),
        ("{contains: bad}", "{unresolved: true}", "match.unresolved: looks at the other labelers' votes"),
        ("{judge: helpful-v3}", "{judge: helpful-v3, map: {}}", "vote.map: unknown key"),
    ],
)  # fmt: skip
def test_mistakes_in_them_are_told(tmp_path, old, new, message):
    (tmp_path / "r.yaml").write_text(TEXT.replace(old, new))
    with pytest.raises(ConfigError) as told:
        load_rules(["r.yaml"], base=tmp_path)
    assert message in str(told.value)
