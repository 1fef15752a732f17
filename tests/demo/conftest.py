"""The default log, written once and read back the way a reader would: readable records with their truth."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kto_data.demo.log import DemoLog, write_demo_log


@dataclass(frozen=True)
class Entry:
    """A readable record and its truth."""

    record: dict[str, Any]
    desirable: bool
    fault: str | None

    @property
    def question(self) -> str:
        return self.record["messages"][-2]["content"]

    @property
    def answer(self) -> str:
        return self.record["messages"][-1]["content"]


def read_entries(made: DemoLog) -> list[Entry]:
    truth = {t["id"]: t for t in map(json.loads, made.truth.read_bytes().splitlines())}
    entries = []
    for line in made.log.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record["id"] in truth:
            its = truth[record["id"]]
            entries.append(Entry(record, its["desirable"], its["fault"]))
    return entries


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> DemoLog:
    folder: Path = tmp_path_factory.mktemp("demo")
    return write_demo_log(folder)


@pytest.fixture(scope="session")
def entries(made: DemoLog) -> list[Entry]:
    return read_entries(made)
