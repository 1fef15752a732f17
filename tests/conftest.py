import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kto_data


@pytest.fixture(scope="session")
def sample_rows() -> Callable[[str], list[dict[str, Any]]]:
    """A function that reads a published sample, such as `ifeval_outputs/responses.jsonl.gz`; skips without it."""
    beside = Path(kto_data.__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KTO_SAMPLES", beside))

    def read(name: str) -> list[dict[str, Any]]:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not there: set KTO_SAMPLES to the folder that holds it")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read
