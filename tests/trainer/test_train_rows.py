import json

import pytest
from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions
from kto_trainer.train_rows import read_rows

STOPS = TrainOptions(early_stopping_patience=1)


def prompts(split):
    return set(split.columns(("prompt_id",)).column("prompt_id").to_pylist())


def with_validation(make, folder):
    """A dataset whose test rows are called `validation`."""
    make.dataset(folder, make.polite_rows(40), make.polite_rows(8, start=400))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][1]["split"] = "validation"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_without_early_stopping_the_auc_is_that_of_the_split_test(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(40), make.polite_rows(8, start=400))
    train, held_out = read_rows(data, TrainOptions())
    assert (len(train), held_out.name, len(held_out)) == (40, "test", 8)
    assert read_rows(data, TrainOptions(eval_rows=0)).held_out is None
    assert read_rows(make.dataset(tmp_path / "one", make.polite_rows(4)), TrainOptions()).held_out is None


def test_early_stopping_chooses_on_prompts_held_aside_from_the_train_rows_and_never_on_test(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(200), make.polite_rows(8, start=400))
    train, held_out = read_rows(data, STOPS)
    assert len(train) + len(held_out) == 200
    assert 20 <= len(held_out) <= 23  # a tenth, and up to the whole of a prompt's four rows
    assert not prompts(train) & prompts(held_out)
    rows = [row for part in (train, held_out) for row in part.columns(("row_id", "label")).to_pylist()]
    assert sorted(row["row_id"] for row in rows) == [f"log#{number:04d}" for number in range(200)]
    for part in (train, held_out):
        labels = {row["row_id"]: row["label"] for row in part.columns(("row_id", "label")).to_pylist()}
        assert [labels[row_id] for row_id in sorted(labels)] == part.labels_N.tolist()
        texts = {row.number: row.prompt_id for row in part.texts()}
        assert [texts[n] for n in range(len(part))] == part.columns(("prompt_id",))["prompt_id"].to_pylist()


def test_the_rows_held_aside_follow_the_seed(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(200))
    one, again, other = (
        prompts(read_rows(data, STOPS.model_copy(update={"seed": seed})).held_out) for seed in (1, 1, 2)
    )
    assert one == again != other


def test_no_more_rows_are_held_aside_than_are_looked_at(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(400))
    assert len(read_rows(data, STOPS.model_copy(update={"eval_rows": 8})).held_out) < 12


def test_a_split_for_validation_is_taken_before_train_rows(make, tmp_path):
    train, held_out = read_rows(with_validation(make, tmp_path / "data"), STOPS)
    assert (len(train), held_out.name, len(held_out)) == (40, "validation", 8)


@pytest.mark.parametrize(
    ("test", "options", "said"),
    [
        ([True, False], {"eval_split": "test"}, "eval_split is 'test', whose figures are reported"),
        ([], {"eval_split": "dev"}, r"the split 'dev' \(eval_split\) has no rows"),
        ([True, False], {"eval_rows": 0}, "eval_rows is 0"),
        ([], {}, "2 of 4 train rows held aside by prompt leave one part without both labels"),
    ],
)
def test_stopping_early_needs_rows_of_both_labels_that_are_not_reported(make, tmp_path, test, options, said):
    rows = [make.row(50 + number, label) for number, label in enumerate(test)]
    train = [make.row(number, number < 2, prompt=f"Say {number // 2}.") for number in range(4)]
    data = make.dataset(tmp_path / "data", train, rows)
    with pytest.raises(TrainerError, match=f"early_stopping_patience: .*{said}"):
        read_rows(data, TrainOptions(early_stopping_patience=1, **options))
