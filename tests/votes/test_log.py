"""The vote log: blocks appear whole or not at all, and writing again changes nothing."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import FAULTS
from kto_data.votes.log import VoteLog

FAULT = pa.Table.from_pylist([{"row_id": "r", "labeler": "l", "error": "e"}], schema=FAULTS)


def test_the_same_votes_written_again_are_the_same_file(tmp_path):
    log = VoteLog(tmp_path / "votes")
    first = log.append("faults", "abc", FAULTS, [FAULT]).read_bytes()
    path = log.append("faults", "abc", FAULTS, iter([FAULT]))
    assert path.read_bytes() == first
    assert [file.name for file in log.folder.iterdir()] == [path.name]


def test_a_block_that_fails_midway_does_not_appear(tmp_path):
    def broken():
        yield FAULT
        raise RuntimeError("killed")

    log = VoteLog(tmp_path / "votes")
    with pytest.raises(RuntimeError):
        log.append("faults", "abc", FAULTS, broken())
    assert not list(log.folder.glob("faults-*"))


def test_an_empty_block_has_its_schema(tmp_path):
    path = VoteLog(tmp_path).append("faults", "abc", FAULTS, [])
    assert pq.read_table(path).schema.names == FAULTS.names
