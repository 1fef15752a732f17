"""Labelers as judges of generated outputs."""

import json

import pyarrow as pa
import pytest

from kto_data.labelers.judges.load import load_judges
from kto_data.labelers.rules.load import load_rules
from kto_data.pipeline.evaluation.generated import as_rows, judge_generated
from kto_data.pipeline.evaluation.panel import Panel

JUDGE = """\
version: 1
id: strict
model: m
backend:
  recorded: {file: verdicts.jsonl, id: sample, match: sample_id, columns: [said], table: [[up, desirable], [down, undesirable]]}
"""

LIVE = """\
version: 1
id: live
model: m
backend: {openai: {base_url: "%s"}}
budget: {max_requests: 4}
"""


@pytest.fixture
def judge(tmp_path):
    """A judge whose verdicts on contents stand in a file."""

    def made(said):
        lines = [json.dumps({"sample": sample, "said": verdict}) for sample, verdict in said.items()]
        (tmp_path / "verdicts.jsonl").write_text("\n".join(lines) + "\n")
        (tmp_path / "strict.yaml").write_text(JUDGE)
        return tuple(load_judges(["strict.yaml"], base=tmp_path))

    return made


def rules_of(tmp_path, text):
    (tmp_path / "r.yaml").write_text("version: 1\nruleset: t\nrules:\n" + text)
    return load_rules(["r.yaml"], base=tmp_path)


def test_rules_in_shadow_mode_say_nothing(tmp_path, answers):
    rules = rules_of(
        tmp_path,
        "  - {id: a, vote: undesirable, match: {contains-any: [bad]}}\n"
        "  - {id: b, mode: shadow, vote: undesirable, match: {contains-any: [fine]}}\n",
    )
    minded = Panel(rules).on(as_rows(answers("bad", "fine")), print)
    assert minded.labelers == ("a",)
    assert minded.minded_NM.tolist() == [[True], [False]]
    assert minded.judged_N.all()


def test_an_empty_panel_is_false():
    assert not Panel()


def test_a_gain_by_the_trainings_labelers_alone_is_named_rule_gaming(tmp_path, answers):
    training = rules_of(tmp_path, "  - {id: a, vote: undesirable, match: {contains-any: [bad]}}\n")
    (tmp_path / "h.yaml").write_text(
        "version: 1\nruleset: h\nrules:\n  - {id: h, vote: undesirable, match: {contains-any: [bad, worse]}}\n"
    )
    held_out = load_rules(["h.yaml"], base=tmp_path)
    reference, trained = answers(*["bad"] * 30), answers(*["worse"] * 30)
    found = judge_generated(reference, trained, training=Panel(training), held_out=Panel(held_out))[
        "generated"
    ]
    gaming = found["rule_gaming"]
    assert gaming["gap"]["estimate"] == 1.0
    assert gaming["clear"]
    assert gaming["words"].startswith("Rule-gaming: outputs gained +100.0 points")
    honest = judge_generated(
        reference, answers(*["good"] * 30), training=Panel(training), held_out=Panel(held_out)
    )
    assert honest["generated"]["rule_gaming"]["gap"]["estimate"] == 0.0
    assert not honest["generated"]["rule_gaming"]["clear"]


def test_refusals_are_counted_apart_from_the_panels(answers):
    refuses, helps = "I'm sorry, but I cannot help with that.", "Boil the rice for ten minutes."
    found = judge_generated(
        answers(*[helps] * 8), answers(*[refuses] * 6 + [helps] * 2), training=Panel(), held_out=Panel()
    )["generated"]["refusals"]
    assert (found["reference"]["estimate"], found["trained"]["estimate"]) == (0.0, 0.75)
    assert found["change"]["estimate"] == 0.75
    assert found["change"]["lower"] > 0


def test_a_judge_minds_what_it_votes_undesirable_on_and_equal_outputs_alike(judge, tmp_path, answers):
    rows = as_rows(answers("good", "bad"))
    twice = as_rows(answers("good", "bad"), source="again")
    good, bad = rows["sample_id"].to_pylist()
    panel = Panel(judges=judge({good: "up", bad: "down"}), answers=tmp_path / "answers.sqlite")
    minded = panel.on(pa.concat_tables([rows, twice]), print)
    assert minded.labelers == ("judge:strict",)
    assert minded.minded_NM[:, 0].tolist() == [False, True, False, True]
    assert minded.judged_N.all()


def test_prompts_on_which_a_judge_failed_are_left_out_of_both_models(judge, tmp_path, answers):
    reference, trained = answers("a0", "a1", "a2"), answers("b0", "b1", "b2")
    before, after = (as_rows(table)["sample_id"].to_pylist() for table in (reference, trained))
    said = {**dict.fromkeys(before, "down"), after[0]: "up", after[1]: "down", after[2]: "maybe"}
    panel = Panel(judges=judge(said), answers=tmp_path / "answers.sqlite")
    found = judge_generated(reference, trained, training=Panel(), held_out=panel)["generated"]
    compared = found["held_out_labelers"]
    assert compared["n_not_judged"] == 1
    assert (compared["reference"]["n"], compared["reference"]["estimate"]) == (2, 0.0)
    assert (compared["trained"]["n"], compared["trained"]["estimate"]) == (2, 0.5)


def test_a_budget_is_spent_prompt_by_prompt_so_that_both_models_are_judged(judge_server, tmp_path, answers):
    judge_server.script = lambda request, n: json.dumps({"reason": "x", "verdict": "undesirable"})
    (tmp_path / "live.yaml").write_text(LIVE % judge_server.url)
    panel = Panel(
        judges=tuple(load_judges(["live.yaml"], base=tmp_path)), answers=tmp_path / "answers.sqlite"
    )
    found = judge_generated(
        answers("a0", "a1", "a2"), answers("b0", "b1", "b2"), training=Panel(), held_out=panel
    )["generated"]
    assert sum(judge_server.came.values()) == 4
    assert found["held_out_labelers"]["n_not_judged"] == 1
    [by_judge] = found["by_labeler"]
    assert [by_judge[model]["n"] for model in ("reference", "trained")] == [2, 2]
