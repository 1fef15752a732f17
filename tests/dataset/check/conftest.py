"""Small datasets to check."""

import json

import pytest

from kto_data.dataset.check.audit import CheckOptions, check_dataset
from kto_data.dataset.foreign.opened import open_dataset


def record(number, label, **more):
    return {"prompt": f"question {number}", "completion": f"answer {number}", "label": label} | more


@pytest.fixture
def make():
    return record


@pytest.fixture
def opened(tmp_path):
    """Write files given as name=records and open them."""

    def run(**files):
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        for name, records in files.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        return open_dataset(str(folder), scratch)

    return run


@pytest.fixture
def findings(opened):
    """Check files given as name=records; return the findings by name."""

    def run(options=None, **files):
        options = options or CheckOptions(shortcuts=False)
        _, found = check_dataset(opened(**files), options)
        return {finding.name: finding for finding in found}

    return run
