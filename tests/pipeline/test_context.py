"""What the steps of a run are given."""

from pathlib import Path

import kto_data.pipeline


def test_nothing_after_prepare_reads_the_rows_as_they_were_before_masking():
    folder = Path(kto_data.pipeline.__file__).parent
    # the first two choose, prepare masks, and a round's answers are added before it is prepared, as they were read
    may = {"context.py", "finished.py", "prepare.py", "answers.py"}
    others = [path for path in folder.rglob("*.py") if path.name not in may]
    assert others
    assert [
        path.name for path in others if '("read", "rows.parquet")' in path.read_text(encoding="utf-8")
    ] == []
