"""Plain data against a model: every mistake with its place."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from kto_data.config.validate import Options, validate
from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError


class Inner(Options):
    max_words: int = Field(5, ge=1)
    unit: Literal["words", "chars"] = "words"


class Outer(Options):
    name: str
    inner: Inner = Inner()
    several: list[Inner] = []


def mistakes(text):
    file = parse_yaml(text, name="f.yaml", folder=Path())
    with pytest.raises(ConfigError) as caught:
        validate(Outer, file.data, file)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_good_data_becomes_the_model():
    file = parse_yaml("name: a\nseveral:\n  - max_words: 3\n", name="f.yaml", folder=Path())
    assert validate(Outer, file.data, file) == Outer(name="a", several=[Inner(max_words=3)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nam: a\nname: b\n", "f.yaml:1: nam: unknown key; did you mean 'name'?"),
        ("inner: {}\n", "f.yaml:1: name: is missing"),
        (
            "name: a\ninner:\n  max_word: 3\n",
            "f.yaml:3: inner.max_word: unknown key; did you mean 'max_words'?",
        ),
        (
            "name: a\nseveral:\n  - max_wrds: 3\n",
            "f.yaml:3: several[0].max_wrds: unknown key; did you mean 'max_words'?",
        ),
        (
            "name: a\ninner: {unit: word}\n",
            "f.yaml:2: inner.unit: 'word' is not one of words, chars; did you mean 'words'?",
        ),
        ("name: a\ninner: {max_words: many}\n", "f.yaml:2: inner.max_words: should be a valid integer"),
        (
            "name: a\ninner: {max_words: 0}\n",
            "f.yaml:2: inner.max_words: should be greater than or equal to 1, not 0",
        ),
        ("[1]\n", "f.yaml:1: must be a mapping of keys to values, not a list"),
    ],
)
def test_a_mistake_names_file_line_key_and_remedy(text, expected):
    assert mistakes(text)[0].startswith(expected)


def test_all_mistakes_come_in_file_order():
    assert [text.split(":")[1] for text in mistakes("zzz: 1\ninner:\n  unit: 3\nseveral: 5\n")] == [
        "1",
        "1",
        "3",
        "4",
    ]
