"""What each labeler did, by hand-counted votes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import FAULTS, VOTES, rule_votes_schema
from kto_data.votes.labelers import Labeler
from kto_data.votes.summary import summarise
from kto_data.votes.table import load_votes


def test_counts_are_of_rows_and_shares_of_samples(tmp_path):
    rows = tmp_path / "rows"
    pq.write_table(pa.table({"row_id": ["1", "2", "3", "4"], "sample_id": ["a", "a", "b", "c"]}), rows)
    wide = [
        {"row_id": "1", "sample_id": "a", "loops": -1},
        {"row_id": "2", "sample_id": "a", "loops": -1},
        {"row_id": "3", "sample_id": "b", "loops": 0},
        {"row_id": "4", "sample_id": "c", "loops": None},
    ]
    pq.write_table(pa.Table.from_pylist(wide, schema=rule_votes_schema(["loops"])), tmp_path / "wide")
    long = [{"sample_id": s, "labeler": "thumbs", "version": "1", "vote": v} for s, v in [("a", 1), ("b", 1)]]
    pq.write_table(pa.Table.from_pylist(long, schema=VOTES), tmp_path / "long")
    faults = [{"row_id": "4", "labeler": "loops", "error": "x"}]
    pq.write_table(pa.Table.from_pylist(faults, schema=FAULTS), tmp_path / "faults")
    labelers = [Labeler("loops", "1", "rule"), Labeler("thumbs", "1", "feedback", about="event")]
    blocks = {"rule_blocks": [tmp_path / "wide"], "vote_blocks": [tmp_path / "long"]}
    votes = load_votes(labelers, samples=rows, **blocks)
    loops, thumbs = summarise(votes, n_rows=4, fault_blocks=[tmp_path / "faults"], **blocks)
    assert (loops.n_undesirable, loops.n_abstain, loops.n_faults, loops.n_not_applicable) == (2, 1, 1, 0)
    assert (loops.coverage, loops.overlap, loops.conflict) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (thumbs.n_desirable, thumbs.n_not_applicable) == (2, 2)
    assert (thumbs.coverage, thumbs.overlap, thumbs.conflict) == pytest.approx((2 / 3, 1 / 3, 1 / 3))
