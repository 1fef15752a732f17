from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.checks.contains import Contains
from kto_data.labelers.rules.engine import explain_row, label_batch, missing_columns
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import rows_of
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import FAULTS, rows_schema, rule_votes_schema

META = pa.struct([("thumb", pa.string()), ("n", pa.int64())])

RULES = """
version: 1
rules:
  - {id: bad, vote: undesirable, message: "It says {match}.", match: {icontains: bad}}
  - {id: good, vote: desirable, otherwise: undesirable, match: {contains: good}}
  - {id: asked, vote: undesirable, when: {contains: '?', scope: last_user}, match: {contains: bad}}
  - {id: system, vote: undesirable, scope: system, match: {contains: rude}}
  - {id: limit, vote: undesirable, when: {regex: '(?P<n>\\w+) words', scope: last_user}, match: {length: {words: {min: "{{n}}"}}}}
  - {id: lenient, vote: undesirable, on_error: abstain, when: {regex: '(?P<n>\\w+) words', scope: last_user}, match: {length: {words: {min: "{{n}}"}}}}
  - {id: thumb, vote: {column: meta.thumb, map: {up: desirable, down: undesirable, none: abstain}}}
"""


def rule_set(text=RULES):
    parsed = parse_rules(parse_yaml(text, name="r.yaml", folder=Path()))
    return RuleSet(parsed.rules, ())


def table(*rows):
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": prompt}],
            "completion": [{"role": "assistant", "content": completion}],
            "source": "t",
            "meta": {"thumb": thumb},
        }
        for n, (prompt, completion, thumb) in enumerate(rows)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema(META))


def votes_of(*rows):
    votes, faults = label_batch(rule_set(), table(*rows))
    return votes.drop_columns(["row_id", "sample_id"]).to_pylist(), faults.to_pylist()


def test_a_rule_votes_abstains_or_is_not_applicable():
    votes, faults = votes_of(("Hi", "a BAD one", None), ("Why?", "a bad good one", "up"))
    assert votes == [
        {"bad": -1, "good": -1, "asked": None, "system": None, "limit": None, "lenient": None, "thumb": None},
        {"bad": -1, "good": 1, "asked": -1, "system": None, "limit": None, "lenient": None, "thumb": 1},
    ]
    assert faults == []


@pytest.mark.parametrize(("thumb", "vote"), [("up", 1), ("down", -1), ("none", 0), (None, None)])
def test_a_logged_vote_is_passed_on(thumb, vote):
    votes, faults = votes_of(("Hi", "x", thumb))
    assert votes[0]["thumb"] == vote
    assert faults == []


def test_a_value_that_is_not_in_the_map_is_a_fault_that_says_it():
    votes, faults = votes_of(("Hi", "good", "UP"))
    assert (votes[0]["thumb"], votes[0]["good"]) == (None, 1)
    assert faults == [
        {
            "row_id": "r0",
            "labeler": "thumb",
            "error": "meta.thumb is 'UP', which is not in the map (up, down, none)",
        }
    ]


def test_a_captured_value_bounds_the_match_and_a_bad_one_is_a_fault():
    votes, faults = votes_of(
        ("in 3 words", "a b c", None), ("in 3 words", "a b", None), ("in many words", "a", None)
    )
    assert [row["limit"] for row in votes] == [-1, 0, None]
    assert [row["lenient"] for row in votes] == [-1, 0, 0]
    assert [(fault["row_id"], fault["labeler"]) for fault in faults] == [("r2", "limit"), ("r2", "lenient")]
    assert faults[0]["error"] == "{{n}} is 'many', not a whole number"


def test_a_check_that_raises_is_that_rules_fault_on_that_row_alone(monkeypatch):
    decide = Contains.decide

    def fragile(self, text, context):
        if text == "boom":
            raise ZeroDivisionError("by zero")
        return decide(self, text, context)

    monkeypatch.setattr(Contains, "decide", fragile)
    votes, faults = votes_of(("Hi", "boom", "up"), ("Hi", "good", "up"))
    assert [row["good"] for row in votes] == [None, 1]
    assert [row["thumb"] for row in votes] == [1, 1]
    assert faults == [{"row_id": "r0", "labeler": "good", "error": "ZeroDivisionError: by zero"}]


def test_the_tables_have_their_schemas_even_without_rows():
    votes, faults = label_batch(rule_set(), table())
    assert votes.schema.equals(rule_votes_schema(rule_set().ids))
    assert faults.schema.equals(FAULTS)


def test_an_explanation_says_what_was_found_and_where():
    (row,) = rows_of(table(("Hi", "so bad, Bad", "down")))
    decisions = {decision.rule: decision for decision in explain_row(rule_set(), row)}
    assert decisions["bad"].message == "It says bad."
    assert [(span.start, span.text) for span in decisions["bad"].spans] == [(3, "bad"), (8, "Bad")]
    assert decisions["good"].message == ""
    assert decisions["asked"].fired is None


def test_columns_that_the_rows_do_not_have_are_told():
    text = "version: 1\nrules:\n  - {id: a, vote: {column: meta.thum, map: {up: desirable}}}\n"
    (message,) = missing_columns(rule_set(text), rows_schema(META))
    assert message == "r.yaml:3: a: the rows have no column meta.thum; did you mean 'meta.thumb'?"
    assert missing_columns(rule_set(), rows_schema(META)) == []


texts = st.text(alphabet="bad gooéx ?3words", max_size=12)


@given(
    st.lists(st.tuples(texts, texts, st.sampled_from(["up", "down", None, "?"])), max_size=6),
    st.integers(1, 4),
)
def test_the_size_of_a_batch_changes_nothing(rows, size):
    rules, whole = rule_set(), table(*rows)
    votes, faults = label_batch(rules, whole)
    parts = [label_batch(rules, batch) for batch in whole.to_batches(max_chunksize=size)]
    assert pa.concat_tables([part.votes for part in parts] or [votes]).equals(votes)
    assert pa.concat_tables([part.faults for part in parts] or [faults]).equals(faults)


@settings(max_examples=8, deadline=None)  # each labels tables; the clock depends on the machine
@given(st.lists(st.tuples(texts, texts, st.just("up")), min_size=1, max_size=3))
def test_a_rules_result_does_not_depend_on_the_other_rules(rows):
    rules, whole = rule_set(), table(*rows)
    votes = label_batch(rules, whole).votes
    for rule in rules.rules:
        alone = label_batch(RuleSet((rule,), ()), whole).votes
        assert alone.column(rule.id).equals(votes.column(rule.id))


@pytest.mark.slow
def test_a_text_of_ten_megabytes_with_nuls_is_labelled():
    votes, faults = votes_of(("Hi", "bad" + "x\x00 good " * 1_300_000, None))
    assert votes[0]["bad"] == -1
    assert faults == []
