"""Votes of any files to labels."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.pipeline.aggregate_files import aggregate_files
from kto_data.schema import VOTES, rule_votes_schema


@pytest.fixture
def files(tmp_path):
    wide = pa.Table.from_pydict(
        {
            "row_id": ["1", "2", "3"],
            "sample_id": ["a", "b", "c"],
            "loops": [-1, 0, None],
            "shadowy": [1, 1, 1],
        },
        schema=rule_votes_schema(["loops", "shadowy"]),
    )
    pq.write_table(wide, tmp_path / "rules.parquet")
    (tmp_path / "labelers.json").write_text(json.dumps([{"labeler": "shadowy", "mode": "shadow"}]))
    long = [
        {"sample_id": sample, "labeler": "j", "version": "1", "vote": vote}
        for sample, vote in [("a", 1), ("b", 1), ("d", -1)]
    ]
    (tmp_path / "judged").mkdir()
    pq.write_table(pa.Table.from_pylist(long, schema=VOTES), tmp_path / "judged" / "votes.parquet")
    return [tmp_path / "rules.parquet", tmp_path / "judged"]


def labels(path):
    return {
        label["sample_id"]: (label["label"], label["decided_by"]) for label in pq.read_table(path).to_pylist()
    }


def test_wide_and_long_votes_are_decided_together(files, tmp_path):
    outcome = aggregate_files(files, method="majority", output=tmp_path / "labels.parquet")
    assert labels(tmp_path / "labels.parquet") == {
        "a": (None, "aggregate"),
        "b": (True, "aggregate"),
        "c": (None, "no_evidence"),  # only a shadow spoke of it
        "d": (False, "aggregate"),
    }
    assert outcome.facts["n_undecided"] == 2
    json.dumps(outcome.as_dict(), allow_nan=False)


def test_gold_decides_and_fills_the_report_cards(files, tmp_path):
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"sample_id": "a", "label": true}\n{"sample_id": "zzz", "label": true}\n')
    outcome = aggregate_files(files, method="majority", output=tmp_path / "labels.parquet", gold=[gold])
    assert labels(tmp_path / "labels.parquet")["a"] == (True, "gold")
    cards = {one["labeler"]: one["card"] for one in outcome.facts["labelers"]}
    assert cards["loops"]["accuracy"]["estimate"] == 0.0
    assert cards["j"]["accuracy"]["estimate"] == 1.0
    assert "1 gold labels are on samples without votes" in outcome.notes


def test_what_would_change_without_a_labeler_is_counted(files, tmp_path):
    outcome = aggregate_files(files, method="majority", output=tmp_path / "labels.parquet")
    flipped = {one["labeler"]: one["card"]["n_flipped"] for one in outcome.facts["labelers"]}
    assert flipped == {"loops": 1, "shadowy": 0, "j": 3}  # without j: a turns, b and d lose their labels


def test_options_of_method_and_policy_are_given_together(files, tmp_path):
    aggregate_files(
        files,
        method="weighted",
        output=tmp_path / "l.parquet",
        options={"default_precision": 0.9, "when_no_evidence": "desirable"},
    )
    assert labels(tmp_path / "l.parquet")["c"] == (True, "no_evidence")
    assert pq.read_table(tmp_path / "l.parquet")["p_desirable"].to_pylist()[1] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("majorty", {}, "did you mean 'majority'"),
        ("weighted", {"default_precison": 0.9}, "did you mean 'default_precision'"),
        ("weighted", {"default_precision": 2}, "--set default_precision"),
    ],
)
def test_wrong_options_stop_before_any_work(files, tmp_path, method, options, message):
    with pytest.raises(InputError, match=message):
        aggregate_files(files, method=method, output=tmp_path / "l.parquet", options=options)
    assert not (tmp_path / "l.parquet").exists()


def test_disputes_are_written_and_an_old_file_of_them_is_not_left(files, tmp_path):
    people = [
        {"sample_id": "a", "labeler": name, "version": "1", "vote": vote}
        for name, vote in (("h1", 1), ("h2", -1))
    ]
    (tmp_path / "humans").mkdir()
    votes = tmp_path / "humans" / "votes.parquet"
    pq.write_table(pa.Table.from_pylist(people, schema=VOTES), votes)
    described = [{"labeler": name, "version": "1", "kind": "annotator"} for name in ("h1", "h2")]
    (tmp_path / "humans" / "labelers.json").write_text(json.dumps(described))
    outcome = aggregate_files([*files, votes], method="majority", output=tmp_path / "labels.parquet")
    assert [path.name for path in outcome.files] == ["labels.parquet", "disputes.parquet"]
    aggregate_files(files, method="majority", output=tmp_path / "labels.parquet")
    assert not (tmp_path / "disputes.parquet").exists()


def test_rows_add_the_samples_that_nobody_spoke_of(files, tmp_path):
    pq.write_table(pa.table({"row_id": ["1", "9"], "sample_id": ["a", "silent"]}), tmp_path / "rows.parquet")
    outcome = aggregate_files(
        files, method="majority", output=tmp_path / "l.parquet", rows=tmp_path / "rows.parquet"
    )
    assert set(labels(tmp_path / "l.parquet")) == {"a", "silent"}
    assert outcome.facts["set_aside"]["n_unknown"] == 4  # on b, c and d
