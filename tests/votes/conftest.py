"""Small vote files."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import VOTES, rule_votes_schema


@pytest.fixture
def write_long(tmp_path):
    def write(name, *votes):
        """Each vote is (sample, labeler, vote) and perhaps a dict of further columns."""
        records = [
            {
                "sample_id": sample,
                "labeler": labeler,
                "version": "1",
                "vote": vote,
                **(more[0] if more else {}),
            }
            for sample, labeler, vote, *more in votes
        ]
        pq.write_table(pa.Table.from_pylist(records, schema=VOTES), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def write_wide(tmp_path):
    def write(name, samples, **columns):
        table = {"row_id": [f"r{i}" for i in range(len(samples))], "sample_id": samples, **columns}
        pq.write_table(pa.Table.from_pydict(table, schema=rule_votes_schema(list(columns))), tmp_path / name)
        return tmp_path / name

    return write
