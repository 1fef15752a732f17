import subprocess
import sys

import pytest
from kto_trainer.options import GenerateOptions, ScoreOptions, SftOptions, TrainOptions
from pydantic import ValidationError


@pytest.mark.slow
def test_options_import_neither_torch_nor_transformers():
    code = "import sys, kto_trainer.options; print([m for m in ('torch', 'transformers', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("model", [TrainOptions, ScoreOptions, GenerateOptions, SftOptions])
def test_every_option_is_described(model):
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    "values",
    [
        {"beta": 0},
        {"beta": float("nan")},
        {"batch_size": 1},
        {"learning_rate": -1},
        {"epochs": 0},
        {"unknown": 1},
        {"sft": {"rows": "undesirable"}},
        {"warmup_ratio": 1.5},
        {"max_length": 1},
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(values):
    with pytest.raises(ValidationError):
        TrainOptions.model_validate(values)


def test_a_pretrained_model_takes_the_papers_defaults_and_no_sft():
    options = TrainOptions(model="some/model").resolved()
    assert (options.learning_rate, options.epochs, options.beta, options.batch_size) == (5e-6, 1, 0.1, 32)
    assert (options.sft.epochs, options.sft.rows, options.sft.tokens) == (0, "desirable", "completion")


def test_tiny_learns_the_texts_of_all_rows_first():
    options = TrainOptions().resolved()
    assert options.sft.epochs
    assert (options.sft.rows, options.sft.tokens) == ("all", "all")


def test_what_the_user_gives_wins_over_the_defaults_of_tiny():
    options = TrainOptions(epochs=9, sft=SftOptions(epochs=0, rows="desirable")).resolved()
    assert (options.epochs, options.sft.epochs, options.sft.rows) == (9, 0, "desirable")


def test_resolved_options_are_a_config_that_resolves_to_itself():
    options = TrainOptions().resolved()
    assert TrainOptions.model_validate(options.model_dump(mode="json")).resolved() == options


@pytest.mark.parametrize(
    ("given", "expected"), [("auto", "auto"), ("2, 1.5", "2,1.5"), ([0, 1], "0,1"), ("manifest", "manifest")]
)
def test_weights_are_a_word_or_two_numbers(given, expected):
    assert TrainOptions(weights=given).weights == expected


@pytest.mark.parametrize("given", ["1", "1,2,3", "-1,2", "a,b", "nan,1", 3, {"d": 1}])
def test_other_weights_are_refused(given):
    with pytest.raises(ValidationError, match="two numbers"):
        TrainOptions(weights=given)
