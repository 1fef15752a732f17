"""Files by worker processes: what comes out does not depend on how many there are, or on how the file is cut."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.fast import workers as workers_module
from kto_data.labelers.rules.fast.pieces import pieces, read_piece
from kto_data.labelers.rules.fast.workers import RowsSource, label_source, rules_read
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import rows_schema

RULES = """
version: 1
rules:
  - {id: bad, vote: undesirable, otherwise: desirable, match: {icontains: bad}}
  - {id: long, vote: undesirable, match: {word-count: {min: 4}}}
  - {id: limit, vote: undesirable, when: {regex: '(?P<n>\\w+) words', scope: last_user}, match: {word-count: {min: "{{n}}"}}}
"""


def rule_set(text=RULES):
    return RuleSet(parse_rules(parse_yaml(text, name="r.yaml", folder=Path())).rules, ())


def rows(n_rows):
    texts = ["A bad one", "One two three four five", "", "Ω bad"]
    asks = ["Hi", "In 3 words", "In many words"]
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": asks[n % 3]}],
            "completion": [{"role": "assistant", "content": texts[n % 4]}],
            "source": "t",
        }
        for n in range(n_rows)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema())


def labelled(source, scratch, workers=1):
    scratch.mkdir(exist_ok=True)
    parts = list(label_source(rule_set(), source, workers=workers, scratch=scratch))
    assert not list(scratch.iterdir())
    return pa.concat_tables(part.votes for part in parts), pa.concat_tables(part.faults for part in parts)


def assert_is_slow(found, table):
    slow = label_batch(rule_set(), table)
    assert found[0].to_pylist() == slow.votes.to_pylist()
    assert found[1].to_pylist() == slow.faults.to_pylist()


@pytest.mark.parametrize("group_rows", [1, 7, 100])
def test_row_groups_of_any_size_give_the_votes_of_the_slow_engine(tmp_path, group_rows):
    table = rows(60)
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=group_rows)
    assert_is_slow(labelled(RowsSource(tmp_path / "rows.parquet"), tmp_path / "scratch"), table)


def test_only_rows_that_are_kept_are_labelled(tmp_path):
    table = rows(30)
    kept = np.arange(30) % 3 == 0
    np.save(tmp_path / "kept.npy", kept)
    pq.write_table(table, tmp_path / "rows.parquet")
    source = RowsSource(tmp_path / "rows.parquet", tmp_path / "kept.npy")
    assert_is_slow(labelled(source, tmp_path / "scratch"), table.filter(pa.array(kept)))


@pytest.mark.slow
@pytest.mark.parametrize("group_rows", [10, 1000])
def test_two_processes_give_what_one_gives(tmp_path, monkeypatch, group_rows):
    monkeypatch.setattr("kto_data.labelers.rules.fast.pieces.PIECE_ROWS", 50)
    monkeypatch.setattr("kto_data.labelers.rules.fast.pieces._LARGE_GROUP_ROWS", 500)
    monkeypatch.setattr(workers_module, "PIECE_ROWS", 50)
    table = rows(1000)
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=group_rows)
    source = RowsSource(tmp_path / "rows.parquet")
    one, two = (labelled(source, tmp_path / "scratch", workers) for workers in (1, 2))
    assert one[0].combine_chunks().equals(two[0].combine_chunks())
    assert one[1].to_pylist() == two[1].to_pylist()
    assert_is_slow(two, table)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_pieces_cover_a_file_once_and_in_order(tmp_path, monkeypatch, workers):
    monkeypatch.setattr("kto_data.labelers.rules.fast.pieces.PIECE_ROWS", 10)
    monkeypatch.setattr("kto_data.labelers.rules.fast.pieces._LARGE_GROUP_ROWS", 25)
    monkeypatch.setattr("kto_data.labelers.rules.fast.pieces._BATCH_ROWS", 7)
    path = tmp_path / "n.parquet"
    with pq.ParquetWriter(path, pa.schema([("n", pa.int64())])) as writer:
        start = 0
        for size in (3, 4, 5, 30, 1, 61, 2):
            writer.write_table(pa.table({"n": range(start, start + size)}), row_group_size=size)
            start += size
    found = [
        (first, batch.column(0).to_pylist())
        for piece in pieces(path, 0, workers)
        for first, batch in read_piece(path, piece, None)
    ]
    assert [number for _, numbers in found for number in numbers] == list(range(start))
    assert all(first == numbers[0] for first, numbers in found)


@pytest.mark.parametrize(
    ("match", "reads"),
    [
        ("{contains: a}", {"completion"}),
        ("{contains: a, scope: meta.x}", {"meta.x"}),
        ("{contains: a, scope: next_user}", None),
        ('{sql: "meta.x > 1"}', None),
    ],
)
def test_rules_that_see_whole_rows_are_told_apart(match, reads):
    text = f"version: 1\nrules:\n  - {{id: a, vote: undesirable, match: {match}}}\n"
    assert rules_read(rule_set(text)) == reads
