"""Reading real files on disk through the public function."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kto_data.readers import ReadEntry, read_records


class Reading:
    """A folder of input files, and what reading them gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir(exist_ok=True)
        self.rows = self.quarantined = self.counts = None
        self.advanced = 0

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = b"".join(json.dumps(record).encode() + b"\n" for record in content)
        path.write_bytes(content)
        return path

    def __call__(self, *paths, **options):
        return self.entries(*(ReadEntry(path=path, **options) for path in paths or ("log.jsonl",)))

    def entries(self, *entries):
        self.advanced = 0
        self.counts = read_records(
            entries,
            base=self.folder,
            rows_path=self.out / "rows.parquet",
            quarantined_path=self.out / "quarantined.parquet",
            advance=self._advance,
        )
        self.table = pq.read_table(self.out / "rows.parquet")
        self.rows = self.table.to_pylist()
        self.quarantined = pq.read_table(self.out / "quarantined.parquet").to_pylist()
        self._check()
        return self

    def _advance(self, n):
        self.advanced += n

    def _check(self):
        """What holds for every input: nothing is lost, and nothing is left lying about."""
        counts = self.counts
        assert counts.n_records == counts.n_rows + counts.n_quarantined == self.advanced
        assert counts.n_rows == len(self.rows) == sum(file.n_rows for file in counts.files)
        assert counts.n_quarantined == len(self.quarantined) == sum(counts.quarantined_by_reason.values())
        assert len({row["row_id"] for row in self.rows}) == len(self.rows)
        assert sorted(path.name for path in self.out.iterdir()) == ["quarantined.parquet", "rows.parquet"]

    @property
    def reasons(self):
        return [record["reason"] for record in self.quarantined]


@pytest.fixture
def reading(tmp_path):
    return Reading(tmp_path)


@pytest.fixture(scope="session")
def make_reading():
    return Reading
