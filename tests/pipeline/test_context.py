"""What the steps of a run are given."""

from pathlib import Path

import kto_data.pipeline


def test_nothing_after_prepare_reads_the_rows_as_they_were_before_masking():
    folder = Path(kto_data.pipeline.__file__).parent
    may = {"context.py", "finished.py", "prepare.py"}  # the first two choose, and prepare masks
    others = [path for path in folder.rglob("*.py") if path.name not in may]
    assert others
    assert [
        path.name for path in others if '("read", "rows.parquet")' in path.read_text(encoding="utf-8")
    ] == []
