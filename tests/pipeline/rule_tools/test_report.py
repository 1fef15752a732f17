"""What rules are worth on data of which everything is known."""

import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.pipeline.rule_tools.known import Spelling
from kto_data.pipeline.rule_tools.on_data import read_rows
from kto_data.pipeline.rule_tools.report import report
from kto_data.readers import ReadEntry
from kto_data.statistics.intervals import cases_needed, wilson

pytestmark = pytest.mark.slow

RULES = """
  - {id: sorry, vote: undesirable, match: {contains: sorry}}
  - {id: very-sorry, vote: undesirable, match: {contains: very sorry}}
  - {id: thanks, vote: desirable, match: {contains: thanks}}
  - {id: tagged, vote: undesirable, when: {sql: "meta.kind = 'a'"}, match: {contains: sorry}}
"""


def record(n, text, good, **more):
    return {"prompt": f"question {n}", "completion": f"{text} {n}", "good": good, **more}


@pytest.fixture
def data(write):
    """Of 40 with `sorry` 30 are bad; 10 of them say `very sorry`; of 60 others, 6 say thanks, of which 3 are bad."""
    rows = [record(n, "I am very sorry" if n < 10 else "sorry", n >= 30, kind="a") for n in range(40)]
    rows += [
        record(n, "many thanks" if n < 46 else "a plain answer", n % 2 == 0, kind="b") for n in range(40, 100)
    ]
    return write("data.jsonl", rows)


def told(write, data, rules=RULES, **options):
    found = report([write("r.rules.yaml", rules)], ReadEntry(path=data), **options)
    return found, {rule["rule"]: rule for rule in found["rules"]}


def test_precision_and_recall_are_shares_of_known_samples_with_wilsons_intervals(write, data):
    found, rules = told(write, data, gold="good")
    assert (found["gold"]["n"], found["gold"]["n_desirable"]) == (100, 40)
    expected = wilson(30, 40)
    assert rules["sorry"]["precision"] == pytest.approx(
        {"estimate": 0.75, "lower": expected.lower, "upper": expected.upper}
    )
    assert rules["sorry"]["undesirable"]["recall"]["estimate"] == pytest.approx(30 / 60)
    assert rules["sorry"]["n_further_labels"] == cases_needed(0.75, 40)
    assert rules["thanks"]["desirable"]["precision"]["estimate"] == pytest.approx(3 / 6)


def test_counts_are_those_of_the_rows(write, data):
    _, rules = told(write, data)
    assert [rules[name]["n_fires"] for name in ("sorry", "very-sorry", "thanks", "tagged")] == [40, 10, 6, 40]
    assert (rules["tagged"]["n_not_applicable"], rules["sorry"]["n_abstain"]) == (60, 60)
    assert rules["very-sorry"]["overlap"] == pytest.approx(0.1)
    assert rules["sorry"]["precision"] is None
    assert sum(rule["time_share"] for rule in rules.values()) == pytest.approx(1)


def test_rules_that_fire_where_another_does_are_named(write, data):
    _, rules = told(write, data)
    assert rules["tagged"]["redundant_with"] == ["sorry"]
    assert rules["sorry"]["redundant_with"] == ["tagged"]
    [first, *_] = rules["very-sorry"]["fires_with"]
    assert (first["rule"], first["n_both"], first["share_of_this"], first["share_of_other"]) == (
        "sorry",
        10,
        1.0,
        0.25,
    )


def test_examples_show_what_was_found_and_where_the_rule_is_wrong(write, data):
    _, rules = told(write, data, gold="good")
    assert len(rules["sorry"]["examples"]) == 3
    assert all("sorry" in one["text"] for one in rules["sorry"]["examples"])
    wrong = {int(one["text"].split()[-1]) for one in rules["sorry"]["wrong_examples"]}
    assert len(wrong) == 3
    assert wrong <= set(range(30, 40))


def test_items_that_were_not_drawn_at_random_count_by_how_likely_they_were_drawn(write, data, tmp_path):
    rows = read_rows(ReadEntry.of_files([data]), tmp_path)
    table = pq.read_table(rows.path, columns=["sample_id", "meta", "completion"]).to_pylist()
    # of the samples with `sorry`, all bad ones are known and each good one with probability 1/2
    known = [
        {
            "sample_id": row["sample_id"],
            "label": row["meta"]["good"],
            "p_selected": 0.5 if row["meta"]["good"] else 1,
        }
        for row in table
        if "sorry" in row["completion"][0]["content"]
    ]
    drawn = [one for one in known if not one["label"]] + [one for one in known if one["label"]][:5]
    found, rules = told(write, data, gold=write("gold.jsonl", drawn))
    assert found["gold"]["weighted_by_p_selected"]
    assert rules["sorry"]["n_known"] == 35
    assert rules["sorry"]["precision"]["estimate"] == pytest.approx(30 / (30 + 5 * 2))
    assert rules["sorry"]["n_effective"] == pytest.approx((30 + 10) ** 2 / (30 + 5 * 4))


def test_a_rule_that_became_worse_or_is_worse_in_one_source_is_told(write):
    def rows(source, month, n, n_bad):
        return [
            {
                "prompt": f"{source} {month} {i}",
                "completion": "sorry " * (i + 1),
                "good": i >= n_bad,
                "created_at": f"2026-{month:02}-03T00:00:00Z",
            }
            for i in range(n)
        ]

    files = [write("old.jsonl", rows("old", 1, 40, 38)), write("new.jsonl", rows("new", 7, 40, 4))]
    found = report([write("r.yaml", RULES)], ReadEntry(path=files), gold="good")
    [sorry] = [rule for rule in found["rules"] if rule["rule"] == "sorry"]
    assert [
        (one["group"], one["precision"]["estimate"], one["precision_differs"]) for one in sorry["by_source"]
    ] == [
        ("new", 0.1, True),
        ("old", 0.95, True),
    ]
    assert [one["group"] for one in sorry["over_time"]] == ["2026-01-01", "2026-07-01"]
    assert not any(one["fires_differently"] for one in sorry["by_source"])


@pytest.mark.parametrize(
    ("gold", "words"),
    [("goood", "did you mean 'meta.good'"), ("gold.jsonl", "no such gold file"), ("kind", "no labels")],
)
def test_gold_that_is_not_there_is_an_error_that_helps(write, data, gold, words):
    with pytest.raises(InputError, match=words):
        told(write, data, gold=gold)


def test_values_of_a_gold_column_can_be_said_to_be_labels(write, data):
    _, rules = told(write, data, gold="kind", spelling=Spelling(desirable=("b",), undesirable=("a",)))
    assert rules["sorry"]["precision"]["estimate"] == 1


def test_faults_are_counted_and_shown(write):
    data = write("d.jsonl", [{"prompt": f"q{n}", "completion": "x y", "limit": "many"} for n in range(3)])
    rules = "  - {id: limited, vote: undesirable, match: {word-count: {max: '{{meta.limit}}'}}}"
    _, rules = told(write, data, rules=rules)
    assert (rules["limited"]["n_faults"], rules["limited"]["n_not_applicable"]) == (3, 0)
    assert "many" in rules["limited"]["fault_examples"][0]["error"]
