"""The summary of a wide block, counted as its votes stream by, against the one that keeps them all."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import FAULTS, rule_votes_schema
from kto_data.votes import block_summary
from kto_data.votes.block_summary import summarise_block
from kto_data.votes.labelers import Labeler
from kto_data.votes.summary import summarise
from kto_data.votes.table import load_votes


@pytest.mark.parametrize("n_samples", [1, 40, 400])
@pytest.mark.parametrize("cells", [1, 64, 1 << 18])
@pytest.mark.parametrize("few_rows", [0, 1000])
def test_a_block_is_summarised_as_other_votes_are(tmp_path, monkeypatch, n_samples, cells, few_rows):
    monkeypatch.setattr(block_summary, "_FEW_ROWS", few_rows)
    monkeypatch.setattr(block_summary, "_BATCH_ROWS", max(cells // 7, 1))
    monkeypatch.setattr(block_summary, "_POOL_CELLS", cells)
    rng = np.random.default_rng(n_samples)
    names = [f"r{n}" for n in range(7)]
    table = {
        "row_id": [str(n) for n in range(300)],
        "sample_id": [f"s{n}" for n in rng.integers(0, n_samples, 300)],
    }
    for n, name in enumerate(names):
        values = rng.choice([-1, 0, 0, 1], 300) if n % 3 else rng.choice([-1, 0, 0, 0, 0, 0], 300)
        table[name] = [
            None if absent else int(value)
            for value, absent in zip(values, rng.random(300) < 0.2, strict=True)
        ]
    block, empty = tmp_path / "votes.parquet", tmp_path / "faults.parquet"
    pq.write_table(pa.Table.from_pydict(table, schema=rule_votes_schema(names)), block, row_group_size=90)
    pq.write_table(FAULTS.empty_table(), empty)
    labelers = [Labeler(name, "1", "rule", about=("content", "event")[n % 2]) for n, name in enumerate(names)]
    blocks = {"rule_blocks": [block], "vote_blocks": []}
    expected = summarise(
        load_votes(labelers, samples=block, rows=block, **blocks), n_rows=300, fault_blocks=[empty], **blocks
    )
    assert summarise_block(labelers, block, n_rows=300, n_faults={}) == expected


def test_faults_are_neither_votes_nor_not_applicable(tmp_path, write_wide):
    block = write_wide("votes.parquet", ["a", "b", "c"], loops=[1, None, None])
    [loops] = summarise_block([Labeler("loops", "1", "rule")], block, n_rows=3, n_faults={"loops": 1})
    assert (loops.n_desirable, loops.n_not_applicable, loops.n_faults, loops.coverage) == (1, 1, 1, 1 / 3)
