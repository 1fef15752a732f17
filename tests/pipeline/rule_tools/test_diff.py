"""What a change of rules flips on data."""

from kto_data.pipeline.rule_tools.diff import diff
from kto_data.readers import ReadEntry

BEFORE = """
  - {id: tea, vote: undesirable, match: {contains: tea}}
  - {id: same, vote: desirable, match: {contains: water}}
  - {id: gone, vote: undesirable, match: {contains: milk}}
"""
AFTER = """
  - {id: tea, vote: undesirable, match: {contains: green tea}}
  - {id: same, vote: desirable, match: {contains: water}}
  - {id: come, vote: desirable, match: {contains: juice}}
"""
TEXTS = ["green tea", "black tea", "red tea", "water", "milk", "juice"]


def test_flips_are_counted_by_rule_with_examples(write):
    data = write("d.jsonl", [{"prompt": f"q{n}", "completion": text} for n, text in enumerate(TEXTS)])
    told = diff([write("a.yaml", BEFORE)], [write("b.yaml", AFTER)], ReadEntry(path=data))
    assert [one["rule"] for one in told["added"]] == ["come"]
    assert [one["rule"] for one in told["removed"]] == ["gone"]
    assert [one["rule"] for one in told["changed"]] == ["tea"]
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert rules["tea"]["flips"] == [{"before": "undesirable", "after": "abstain", "n": 2}]
    assert [one["text"] for one in rules["tea"]["examples"]] == ["black tea", "red tea"]
    assert rules["tea"]["examples"][0]["found_before"] == "tea"
    assert {"before": "none", "after": "desirable", "n": 1} in rules["come"]["flips"]
    assert (rules["come"]["state"], rules["gone"]["state"]) == ("added", "removed")
    assert [one["text"] for one in rules["gone"]["examples"]] == ["milk"]
    assert "same" not in rules
    assert told["n_rows_changed"] == 4


def test_equal_rules_flip_nothing(write):
    data = write("d.jsonl", [{"prompt": "q", "completion": "tea"}])
    told = diff([write("a.yaml", BEFORE)], [write("b.yaml", BEFORE)], ReadEntry(path=data))
    assert (told["n_rows_changed"], told["rules"], told["changed"]) == (0, [], [])
