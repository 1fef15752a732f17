"""Later rounds ask only about what the labelers before them left open."""

import pyarrow.parquet as pq
import pytest

from kto_data.pipeline.finished import open_run

pytestmark = pytest.mark.slow

LATER = {"when": "unresolved", "precision": {"mean": 0.9}}
JUDGE = {"j": {"kind": "judge", **LATER}}
HUMANS = {"h1": {"kind": "annotator", **LATER}, "h2": {"kind": "annotator", **LATER}}


def votes_of(folder, step):
    run = open_run(folder)
    (block,) = run.steps[step]["facts"]["blocks"]["votes"]
    return {(v["labeler"], v["vote"]) for v in pq.read_table(folder / "votes" / block).to_pylist()}


def test_judges_vote_on_what_is_open_and_annotators_on_what_is_open_still(run_votes):
    sure = {"precision": {"mean": 0.95}}
    records = [
        {"a": "down", "j": "up", "h1": "up", "h2": "up"},  # resolved by the rule: nobody else is asked
        {"j": "up", "h1": "down", "h2": "down"},  # resolved by the judge
        {"h1": "down", "h2": "down"},  # resolved by the annotators
        {"h1": "up", "h2": "down"},  # by nobody
    ]
    summary = run_votes(records, {"a": sure, **JUDGE, **HUMANS})
    labels = pq.read_table(open_run(summary.folder).path("aggregate", "labels.parquet")).to_pylist()
    assert sorted(label["decided_by"] for label in labels) == [
        "aggregate",
        "aggregate",
        "aggregate",
        "aggregate",
        "annotators",
        "annotators_disagree",
    ]
    assert votes_of(summary.folder, "judges") == {("j", 1)}
    judges, annotators = summary.facts["labels"]["rounds"]
    # the two fillers (precision .7) are open, too: p is .7 and .3
    assert judges == {"round": "judges", "n_unresolved": 5, "n_asked_rows": 5, "n_votes": 1, "n_resolved": 3}
    assert annotators == {
        "round": "annotators",
        "n_unresolved": 4,
        "n_asked_rows": 4,
        "n_votes": 4,
        "n_resolved": 3,
    }


def test_each_round_is_a_step_of_its_own(run_votes):
    summary = run_votes([{"j": "up"}], JUDGE)
    steps = list(open_run(summary.folder).steps)
    assert steps[2:6] == ["recorded", "provisional_1", "judges", "aggregate"]


def test_without_later_voters_there_is_no_provisional_aggregate(run_votes):
    summary = run_votes([{"a": "up"}], {"a": {}})
    assert not [name for name in open_run(summary.folder).steps if name.startswith("provisional")]
    assert summary.facts["labels"]["rounds"] == []


def test_what_counts_as_unresolved_can_be_said(run_votes):
    unresolved = {"between": [0.5, 0.5], "no_evidence": False}
    records = [{"a": "down", "j": "up"}, {"j": "up"}]
    recorded = [
        {
            "labeler": name,
            "columns": [f"meta.{name}"],
            "table": [["up", "desirable"], ["down", "undesirable"]],
            **more,
        }
        for name, more in {"a": {"kind": "rule"}, "filler": {"kind": "rule"}, "j": JUDGE["j"]}.items()
    ]
    label = {"recorded": recorded, "unresolved": unresolved}
    aggregate = {"when_no_evidence": "desirable"}
    summary = run_votes(records, {}, label=label, aggregate=aggregate)
    assert summary.facts["labels"]["rounds"][0]["n_unresolved"] == 0
