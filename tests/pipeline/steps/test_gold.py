"""Gold in a pipeline: from columns or a file, it decides, teaches and measures."""

import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.pipeline.finished import open_run

pytestmark = pytest.mark.slow

COLUMNS = {"columns": ["meta.truth"], "table": [["good", "desirable"], ["bad", "undesirable"]]}


def labels_of(summary):
    rows = pq.read_table(
        open_run(summary.folder).path("read", "rows.parquet"), columns=["row_id", "sample_id"]
    )
    by_sample = {
        label["sample_id"]: (label["label"], label["decided_by"])
        for label in pq.read_table(open_run(summary.folder).path("aggregate", "labels.parquet")).to_pylist()
    }
    return {row["row_id"].partition("#")[2]: by_sample[row["sample_id"]] for row in rows.to_pylist()}


def test_gold_in_a_column_decides_and_is_measured_against(run_votes):
    records = [{"a": "down", "truth": "good"}, {"a": "down", "truth": "bad"}, {"a": "up"}]
    summary = run_votes(records, {"a": {}}, gold=COLUMNS)
    labels = labels_of(summary)
    assert labels["r0"] == (True, "gold")
    assert labels["r1"] == (False, "gold")
    assert labels["r2"] == (True, "aggregate")
    card = next(one["card"] for one in summary.facts["labelers"] if one["labeler"] == "a")
    assert (card["n_gold"], card["accuracy"]["estimate"]) == (2, 0.5)
    assert card["undesirable"]["precision"]["estimate"] == 0.5
    assert card["undesirable"]["recall"]["estimate"] == 1.0


@pytest.mark.parametrize(("key", "first"), [("row_id", "log#r0"), ("id", "r0")])
def test_gold_in_a_file_may_name_rows_or_the_records_own_ids(run_votes, tmp_path, key, first):
    (tmp_path / "gold.csv").write_text(f"{key},label\n{first},desirable\nnobody,undesirable\n")
    summary = run_votes([{"a": "down"}], {"a": {}}, gold={"file": "gold.csv", "id": key})
    assert labels_of(summary)["r0"] == (True, "gold")
    assert open_run(summary.folder).steps["gold"]["counts"] == {"n_rows": 1, "n_desirable": 1, "n_unknown": 1}


def test_contradictory_gold_stops_the_run_and_names_the_rows(run_votes):
    twins = [{"prompt": "same", "completion": "text", "truth": truth} for truth in ("good", "bad")]
    with pytest.raises(
        InputError, match=r"1 gold sample has both labels.*\n.*desirable \(log#r0\), undesirable \(log#r1\)"
    ):
        run_votes(twins, {"a": {}}, gold=COLUMNS)


def test_gold_of_a_file_that_is_not_there_is_an_error(run_votes):
    with pytest.raises(InputError, match=r"named by `gold\.file`"):
        run_votes([{"a": "up"}], {"a": {}}, gold={"file": "nothing.csv"})


def test_a_probability_of_selection_that_is_none_is_an_error(run_votes):
    records = [{"a": "up", "truth": "good", "p": 2.0}]
    with pytest.raises(InputError, match=r"row log#r0: a probability is above 0 and at most 1, not 2\.0"):
        run_votes(records, {"a": {}}, gold={**COLUMNS, "p_selected_column": "meta.p"})


def test_disagreeing_annotators_wait_for_adjudication(run_votes):
    people = {"h1": {"kind": "annotator"}, "h2": {"kind": "annotator"}}
    summary = run_votes([{"h1": "up", "h2": "down"}], people)
    (dispute,) = pq.read_table(open_run(summary.folder).path("aggregate", "disputes.parquet")).to_pylist()
    assert (dispute["kind"], dispute["desirable"], dispute["undesirable"]) == (
        "annotators_disagree",
        ["h1"],
        ["h2"],
    )
    assert summary.facts["labels"]["n_disputed"] == 1
