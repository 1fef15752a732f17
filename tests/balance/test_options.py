"""The `balance:` key."""

from pathlib import Path

import pytest

from kto_data.balance.options import BalanceOptions
from kto_data.config.validate import validate
from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError


def options(text):
    file = parse_yaml(text, name="p.yaml", folder=Path())
    return validate(BalanceOptions, file.data, file)


def test_the_default_is_the_range_of_the_paper():
    assert options("{}") == BalanceOptions(
        target_ratio=(1.0, 1.3333), loss_aversion=1.0, row_weights="uniform", order="mixed", batch_rows=8
    )


@pytest.mark.parametrize("target", ["[1.0, 1.5]", "[2, 2]", "[0.5, 1]"])
def test_a_range_is_two_numbers(target):
    low, high = options(f"target_ratio: {target}").target_ratio
    assert 0 < low <= high


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target_ratio: [2, 1]", "must be two numbers with 0 < low <= high"),
        ("target_ratio: [0, 1]", "must be two numbers with 0 < low <= high"),
        ("target_ratio: [1, .inf]", "must be two numbers with 0 < low <= high"),
        ("target_ratio: [1, .nan]", "must be two numbers with 0 < low <= high"),
        ("target_ratio: [1]", "target_ratio[1]: is missing"),
        (
            "row_weights: confident",
            "row_weights: 'confident' is not one of uniform, confidence; did you mean 'confidence'?",
        ),
        ("row_weights: {confidense: true}", "unknown key; did you mean 'confidence'?"),
        ("row_weights: {source: {log: -1}}", "row_weights.source.log: should be greater than or equal to 0"),
        ("row_weights: {propensity: p_shown}", "row_weights.propensity: should match"),
        ("batch_rows: 1", "batch_rows: should be greater than or equal to 2"),
        ("loss_aversion: 0", "loss_aversion: should be greater than or equal to 0.1"),
        ("orders: shuffled", "unknown key; did you mean 'order'?"),
    ],
)
def test_a_mistake_is_explained(text, expected):
    with pytest.raises(ConfigError) as caught:
        options(text)
    assert expected in str(caught.value)
