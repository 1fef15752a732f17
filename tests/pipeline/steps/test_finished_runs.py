"""What can be asked of finished runs: why a sample has its label, and what changed from run to run."""

import json
import math

import pytest
from typer.testing import CliRunner

from kto_data.cli.main import app
from kto_data.errors import InputError
from kto_data.pipeline.diff import diff
from kto_data.pipeline.explain import explain
from kto_data.pipeline.finished import open_run

pytestmark = pytest.mark.slow

RULE = "{id: rude, vote: undesirable, message: 'Says {match}.', match: {contains-any: [answer 0]}}"


def rules(tmp_path, *lines):
    (tmp_path / "rules.yaml").write_text(
        "version: 1\nruleset: mine\nrules:\n" + "".join(f"  - {line}\n" for line in lines)
    )


def label(*recorded, **more):
    table = [["up", "desirable"], ["down", "undesirable"]]
    return {
        "recorded": [
            {"labeler": name, "columns": [f"meta.{name}"], "table": table, **keys} for name, keys in recorded
        ],
        **more,
    }


FILLER = ("filler", {"kind": "rule"})


def test_a_label_is_explained_by_its_votes_their_reasons_and_worth(run_votes, tmp_path):
    rules(tmp_path, RULE)
    spec = label(("j", {"kind": "judge", "precision": {"mean": 0.9}}), FILLER, rules=["rules.yaml"])
    run = open_run(run_votes([{"j": "up"}], {}, label=spec).folder)
    told = explain(run, "log#r0")
    assert (told["label"], told["decided_by"], told["row_ids"]) == (True, "aggregate", ["log#r0"])
    rude, j = (vote for vote in told["votes"] if vote["vote"])
    assert (rude["reason"], rude["vote"], rude["counts"]) == ("Says answer 0.", -1, True)
    assert rude["spans"][0]["text"] == "answer 0"
    assert rude["log_odds"] == pytest.approx(-0.8473, abs=1e-4)  # log(.7 / .3)
    assert j["log_odds"] == pytest.approx(2.1972, abs=1e-4)  # log(.9 / .1)
    assert told["p_desirable"] == pytest.approx(0.7941, abs=1e-4)  # 1 / (1 + exp(-1.3499))
    assert told["flip"] == [{"labeler": "j", "vote": "nothing"}]


def test_the_reason_of_a_rule_that_has_changed_since_is_not_told(run_votes, tmp_path):
    rules(tmp_path, RULE)
    run = open_run(run_votes([{}], {}, label=label(FILLER, rules=["rules.yaml"])).folder)
    rules(tmp_path, RULE.replace("answer 0", "answer"))
    told = explain(run, "log#r0")
    assert "reason" not in told["votes"][0]
    assert told["notes"] == ["changed since the run, so without a reason: rude"]


def test_gold_is_flipped_by_nothing(run_votes):
    gold = {"columns": ["meta.truth"], "table": [["good", "desirable"], ["bad", "undesirable"]]}
    run = open_run(run_votes([{"a": "down", "truth": "good"}], {"a": {}}, gold=gold).folder)
    told = explain(run, "log#r0")
    assert (told["decided_by"], told["flip"]) == ("gold", None)


def test_two_annotators_who_agree_are_flipped_by_both(run_votes):
    people = {"h1": {"kind": "annotator"}, "h2": {"kind": "annotator"}}
    run = open_run(run_votes([{"h1": "up", "h2": "up"}], people).folder)
    # without one of them the other would be a lone annotator, whose reversed vote is all there is
    assert explain(run, "log#r0")["flip"] == [
        {"labeler": "h1", "vote": "nothing"},
        {"labeler": "h2", "vote": "undesirable"},
    ]


def test_an_id_that_no_row_has_is_an_error(run_votes):
    run = open_run(run_votes([{"a": "up"}], {"a": {}}).folder)
    with pytest.raises(InputError, match="no row and no sample has the id 'zzz'"):
        explain(run, "zzz")


def test_a_folder_without_a_finished_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        open_run(tmp_path)


def causes(before, after):
    found = diff(open_run(before.folder), open_run(after.folder))
    return {flip["row_id"]: (flip["cause"], flip["labelers"]) for flip in found["relabelled"]}


def test_rows_that_came_and_went_are_counted(run_votes):
    first = run_votes([{"a": "up"}], {"a": {}}, name="one")
    second = run_votes([{"a": "up"}, {"a": "down"}], {"a": {}}, name="two")
    found = diff(open_run(first.folder), open_run(second.folder))
    assert found["rows"]["n_added"] == 1
    assert found["added"] == [{"row_id": "log#r3", "label": "undesirable"}]
    # r1 and r2 were the fillers, and are another text now
    assert found["by_cause"] == {"input": 2}
    assert found["balance"]["after"]["n_undesirable"] == 2


def test_a_changed_rule_is_the_cause_of_what_it_flips(run_votes, tmp_path):
    spec = label(FILLER, ("a", {"kind": "rule"}), rules=["rules.yaml"])
    rules(tmp_path, RULE.replace("vote: undesirable", "vote: desirable"))
    first = run_votes([{}, {"a": "up"}], {}, name="one", label=spec)
    rules(tmp_path, RULE)
    second = run_votes([{}, {"a": "up"}], {}, name="two", label=spec)
    assert causes(first, second) == {"log#r0": ("rule changed", ["rude"])}


def test_a_new_judge_version_a_new_human_and_gold_are_told_apart(run_votes):
    judge = {"kind": "judge"}
    reverse = judge | {"table": [["up", "undesirable"], ["down", "desirable"]]}
    people = {"h1": {"kind": "annotator"}, "h2": {"kind": "annotator"}}
    gold = {"columns": ["meta.truth"], "table": [["good", "desirable"]]}
    before = [{"j": "up"}, {"a": "up"}, {"a": "down"}]
    after = [{"j": "up"}, {"a": "up", "h1": "down", "h2": "down"}, {"a": "down", "truth": "good"}]
    first = run_votes(before, {"j": judge, "a": {}}, name="one")
    second = run_votes(after, {"j": reverse, "a": {}, **people}, name="two", gold=gold)
    assert causes(first, second) == {
        "log#r0": ("judge version", ["j"]),
        "log#r1": ("new human label", ["h1", "h2"]),
        "log#r2": ("new human label", ["gold"]),
    }


def test_a_changed_policy_is_the_cause_where_no_vote_changed(run_votes):
    first = run_votes([{}], {}, name="one")
    second = run_votes([{}], {}, name="two", aggregate={"when_no_evidence": "desirable"})
    assert causes(first, second) == {"log#r0": ("policy", [])}


def test_a_judge_that_is_asked_now_is_told_from_one_whose_input_has_changed(run_votes):
    records = [{"a": "up", "j": "down"}]
    sure, judge = {"precision": {"mean": 0.9}}, {"kind": "judge", "precision": {"mean": 0.95}}
    first = run_votes(records, {"a": sure, "j": judge | {"when": "unresolved"}}, name="one")
    second = run_votes(records, {"a": sure, "j": judge}, name="two")
    assert causes(first, second) == {"log#r0": ("judge was asked", ["j"])}
    assert causes(second, first) == {"log#r0": ("judge was not asked", ["j"])}


def test_the_probability_that_is_explained_is_that_of_the_run(run_votes):
    records = [
        {"a": "up" if i % 3 else "down", "b": "up" if i % 4 else "down", "truth": "good" if i % 5 else "bad"}
        for i in range(40)
    ]
    gold = {"columns": ["meta.truth"], "table": [["good", "desirable"], ["bad", "undesirable"]]}
    records += [{"a": "up"}, {"b": "down"}]
    run = open_run(run_votes(records, {"a": {}, "b": {}}, gold=gold).folder)
    told = explain(run, "log#r40")
    assert told["decided_by"] == "aggregate"
    assert told["aggregate"]["method"] == "calibrated"
    assert told["aggregate"]["p_desirable"] == pytest.approx(told["p_desirable"], abs=1e-9)
    # what nobody's vote says, and what each vote adds, is all that there is
    log_odds = told["aggregate"]["intercept"] + sum(vote["log_odds"] or 0.0 for vote in told["votes"])
    assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(told["p_desirable"], abs=1e-6)


def test_equal_runs_do_not_differ(run_votes):
    first, second = (run_votes([{"a": "up"}], {"a": {}}, name=name) for name in ("one", "two"))
    found = diff(open_run(first.folder), open_run(second.folder))
    assert set(found["rows"].values()) == {0}
    assert found["by_cause"] == {}


def test_the_commands_print_one_json_document_and_end_with_0(run_votes, tmp_path):
    run = str(run_votes([{"a": "up"}], {"a": {}}).folder)
    calls = (
        ["explain", run, "log#r0", "--json"],
        ["diff", run, run, "--json"],
        ["aggregate", f"{run}/votes", "-o", str(tmp_path / "l.parquet"), "--json"],
    )
    for call in calls:
        result = CliRunner().invoke(app, call)
        assert result.exit_code == 0, result.output
        assert isinstance(json.loads(result.stdout), dict)


def test_the_commands_tell_people_the_same(run_votes, tmp_path):
    run = str(run_votes([{"a": "up"}], {"a": {}}).folder)
    explained = CliRunner().invoke(app, ["explain", run, "log#r0"]).stdout
    assert "label  desirable, decided by aggregate; p_desirable 0.700" in explained
    assert "a  meta.a = up" in explained
    assert "0 relabelled" in CliRunner().invoke(app, ["diff", run, run]).stdout
    aggregated = (
        CliRunner().invoke(app, ["aggregate", f"{run}/votes", "-o", str(tmp_path / "l.parquet")]).stdout
    )
    assert "3 samples: 2 desirable, 1 undesirable, 0 undecided" in aggregated
