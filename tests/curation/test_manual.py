"""The examples of the manual, and of the steps' own docstrings, are pipelines that load."""

import re
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.curation.parse import parse_steps
from kto_data.curation.split import SplitOptions
from kto_data.curation.step import STEPS

MANUAL = (Path(__file__).parents[2] / "docs" / "curation.md").read_text(encoding="utf-8")
LINE = re.compile(r"^ *((?:prepare|curate): \[.*\])$", re.MULTILINE)
EXAMPLES = sorted(
    {
        line
        for text in (MANUAL, *(STEPS.get(name).__doc__ or "" for name in STEPS))
        for line in LINE.findall(text)
    }
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "one.jsonl").write_text('{"question": "one two three four five six"}\n')
    (tmp_path / "gsm8k.csv").write_text("question\none two three four five seven\n")
    return tmp_path


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_load(folder, text):
    file = parse_yaml(text, name="p.yaml", folder=folder)
    [(key, steps)] = file.data.items()
    assert parse_steps(steps, file, (key,), labels_available=key == "curate")


def test_the_first_pipeline_loads(folder):
    file = parse_yaml(MANUAL.partition("```yaml\n")[2].partition("```")[0], name="p.yaml", folder=folder)
    for key in ("prepare", "curate"):
        assert len(parse_steps(file.data[key], file, (key,), labels_available=key == "curate")) >= 4
    SplitOptions(**file.data["split"])


def test_every_step_stands_in_the_manual_with_an_example():
    for name in STEPS:
        assert f"| `{name}` |" in MANUAL
        assert any(re.search(rf"\b{name}\b", example) for example in EXAMPLES)
