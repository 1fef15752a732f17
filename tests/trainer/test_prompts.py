import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kto_trainer.errors import TrainerError
from kto_trainer.options import GenerateOptions
from kto_trainer.prompts import read_prompts


def test_distinct_prompts_of_a_split_are_answered_once_in_order(make, tmp_path):
    rows = [make.row(0, True, "b"), make.row(1, False, "b"), make.row(2, True, "a"), make.row(3, True, "c")]
    data = make.dataset(tmp_path / "data", rows)
    found = read_prompts(data, None, GenerateOptions(split="train", limit=2))
    assert [prompt.prompt_id for prompt in found] == ["p-a", "p-b"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"prompt": ["x"]}, "not a Parquet file with prompt_id and prompt"),
        ({"prompt_id": [], "prompt": []}, "no prompts"),
    ],
)
def test_a_prompt_file_that_cannot_be_used_is_refused(tmp_path, table, message):
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    with pytest.raises(TrainerError, match=message):
        read_prompts(None, tmp_path / "p.parquet", GenerateOptions())
