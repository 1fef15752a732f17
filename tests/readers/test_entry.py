"""What stands in a pipeline file under `read:`."""

from pathlib import Path

import pytest

from kto_data.config.validate import validate
from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.readers import ReadEntry


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path: x\nformat: chatt\n", "f.yaml:2: format: unknown record format 'chatt'; did you mean 'chat'?"),
        ("path: []\n", "f.yaml:1: path: must name a file or a glob"),
        ("path: x\ncolumns: {promt: q}\n", "f.yaml:2: columns.promt: unknown key; did you mean 'prompt'?"),
        ("format: chat\n", "f.yaml:1: path: is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, message):
    with pytest.raises(ConfigError) as caught:
        validate(ReadEntry, *(lambda file: (file.data, file))(parse_yaml(text, name="f.yaml", folder=Path())))
    assert message in str(caught.value).splitlines()


def test_the_defaults_are_our_names():
    entry = ReadEntry(path="x")
    assert (entry.format, entry.columns.prompt, entry.paths) == ("auto", "prompt", ["x"])
