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
        target_ratio=(1.0, 1.3333), row_weights="uniform", order="shuffled"
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
        ("row_weights: confident", "did you mean 'confidence'?"),
        ("orders: shuffled", "unknown key; did you mean 'order'?"),
    ],
)
def test_a_mistake_is_explained(text, expected):
    with pytest.raises(ConfigError) as caught:
        options(text)
    assert expected in str(caught.value)
