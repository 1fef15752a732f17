"""What is known of rows: columns, gold files, people's votes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.pipeline.rule_tools.known import Spelling, from_gold, from_votes
from kto_data.pipeline.rule_tools.on_data import read_rows
from kto_data.readers import ReadEntry
from kto_data.schema import VOTES


def votes(path, *cast):
    """Write (sample, labeler, vote, p_selected) as a long vote file."""
    records = [
        {
            "sample_id": sample,
            "labeler": labeler,
            "version": "1",
            "vote": vote,
            "user": labeler,
            "p_selected": p,
        }
        for sample, labeler, vote, p in cast
    ]
    pq.write_table(pa.Table.from_pylist(records, schema=VOTES), path)
    return path


def test_the_majority_of_people_is_known_and_ties_are_not(tmp_path):
    file = votes(
        tmp_path / "votes-1.parquet",
        *[("a", f"human:{who}", vote, 0.25) for who, vote in (("ann", 1), ("bo", 1), ("cy", -1))],
        *[("b", f"human:{who}", vote, None) for who, vote in (("ann", 1), ("bo", -1))],
        ("c", "judge", 1, None),
    )
    known = from_votes(file).gold.to_pylist()
    assert [(one["sample_id"], one["label"], one["p_selected"]) for one in known] == [("a", True, 0.25)]


def test_votes_of_nobody_are_an_error(tmp_path):
    with pytest.raises(InputError, match="no people's votes"):
        from_votes(votes(tmp_path / "v.parquet", ("a", "judge", 1, None)))


def test_rows_of_one_sample_that_disagree_are_left_out_and_counted(write, tmp_path):
    data = [{"prompt": "q", "completion": "x", "good": good} for good in (True, False)]
    data += [{"prompt": "q", "completion": "y", "good": True}]
    rows = read_rows(ReadEntry.of_files([write("d.jsonl", data)]), tmp_path)
    known = from_gold("good", rows.path, Spelling())
    assert known.gold["label"].to_pylist() == [True]
    assert known.notes == ("gold: 1 samples have both labels: left out",)
