"""Rule files and data made up for a test."""

import json

import pytest


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a rule file from the text of its rules, or data from its records."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(f"version: 1\nrules:\n{content}", encoding="utf-8")
        else:
            path.write_text("".join(json.dumps(record) + "\n" for record in content), encoding="utf-8")
        return str(path)

    return write
