"""Gold from files: read, checked, never guessed."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.errors import InputError
from kto_data.schema import GOLD
from kto_data.votes.gold import read_gold


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("given", "label"),
    [("true", True), ("false", False), ('"desirable"', True), ('"Undesirable"', False), ("1", True), ("0", False), ("-1", False)],
)  # fmt: skip
def test_labels_may_be_written_in_several_ways(tmp_path, given, label):
    path = write(tmp_path / "g.jsonl", f'{{"sample_id": "a", "label": {given}}}\n')
    assert read_gold([path])["label"].to_pylist() == [label]


def test_csv_and_parquet_are_read_too(tmp_path):
    csv = write(tmp_path / "g.csv", "sample_id,label,p_selected\nb,desirable,0.5\n")
    pq.write_table(pa.table({"sample_id": ["a"], "label": [False]}), tmp_path / "g.parquet")
    gold = read_gold([csv, tmp_path / "g.parquet"])
    assert gold.schema.names == GOLD.names
    assert gold.to_pylist() == [
        {"sample_id": "a", "label": False, "source": "g.parquet", "p_selected": None},
        {"sample_id": "b", "label": True, "source": "g.csv", "p_selected": 0.5},
    ]


def test_contradictory_gold_is_an_error_that_lists_every_sample(tmp_path):
    one = write(
        tmp_path / "one.jsonl", '{"sample_id": "a", "label": true}\n{"sample_id": "b", "label": true}\n'
    )
    two = write(
        tmp_path / "two.jsonl", '{"sample_id": "a", "label": false}\n{"sample_id": "c", "label": true}\n'
    )
    with pytest.raises(InputError, match=r"1 gold sample has both labels") as error:
        read_gold([one, two])
    assert "a: desirable (one.jsonl), undesirable (two.jsonl)" in str(error.value)


def test_equal_gold_said_twice_is_one_sample(tmp_path):
    path = write(tmp_path / "g.jsonl", '{"sample_id": "a", "label": true}\n' * 2)
    assert read_gold([path]).num_rows == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "g.jsonl:1: not a line of JSON"),
        ("[]", "gold needs the keys 'sample_id' and 'label'"),
        ('{"sample_id": "a"}', "gold needs the keys"),
        ('{"sample_id": "a", "label": "maybe"}', "not 'maybe'"),
        ('{"sample_id": "a", "label": true, "p_selected": 0}', "above 0 and at most 1, not 0"),
        ('{"sample_id": "a", "label": true, "p_selected": NaN}', "above 0 and at most 1, not nan"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read_gold([write(tmp_path / "g.jsonl", line + "\n")])


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_gold([tmp_path / "g.jsonl"])
