"""Judges on any readable files, without a pipeline: what `kto judge run`, `rescore` and `cost` do."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.cost import Estimate, estimate
from kto_data.labelers.judges.counts import JudgeCounts
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.progress import JudgeProgress, Say
from kto_data.labelers.judges.run import JudgeRun, Rows
from kto_data.readers import ReadCounts, ReadEntry, read_records
from kto_data.runs.files import write_json
from kto_data.schema import FAULTS, VOTES
from kto_data.tables import database, read_query, write_parquet
from kto_data.votes.labelers import to_table

ROWS_PER_BATCH = 256


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Input files as a table of rows, for as long as somebody works with it.

    Attributes:
        path: The rows.
        quarantined: The records that could not be read.
        counts: How many of each.
    """

    path: Path
    quarantined: Path
    counts: ReadCounts

    def rows(self, *, about: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows that a labeler has to see: of a labeler about content, one a sample."""
        with database(self.path.parent) as con:
            con.read_parquet(str(self.path), file_row_number=True).create_view("rows")
            once = (
                ""
                if about == "event"
                else ("WHERE file_row_number IN (SELECT min(file_row_number) FROM rows GROUP BY sample_id) ")
            )
            query = f"SELECT * EXCLUDE file_row_number FROM rows {once}ORDER BY file_row_number"  # noqa: S608 - ours
            yield from read_query(con, query, batch_rows=ROWS_PER_BATCH)


@contextmanager
def read_files(files: ReadEntry, near: Path) -> Iterator[ReadFiles]:
    """Read files into a table in a temporary folder inside `near`.

    Raises:
        InputError: A file cannot be read.
    """
    if not near.is_dir():
        raise InputError(f"{near}: no such folder")
    with tempfile.TemporaryDirectory(prefix=".kto-judge-", dir=near) as name:
        rows, quarantined = Path(name) / "rows.parquet", Path(name) / "quarantined.parquet"
        counts = read_records(
            [files],
            base=Path(),
            rows_path=rows,
            quarantined_path=quarantined,
            advance=lambda _: None,
            quarantined_is_kept=False,
        )
        yield ReadFiles(rows, quarantined, counts)


@dataclass(frozen=True, slots=True)
class JudgedFiles:
    """What came of it.

    Attributes:
        n_rows: Readable rows.
        n_samples: What the judges were shown: samples, or rows for judges that look at metadata; by judge.
        n_quarantined: Records that could not be read.
        judges: What each judge did.
        files: What was written.
    """

    n_rows: int
    n_quarantined: int
    judges: dict[str, JudgeCounts]
    files: Sequence[Path]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "n_rows": self.n_rows,
            "n_quarantined": self.n_quarantined,
            "judges": {name: counts.as_dict() for name, counts in self.judges.items()},
            "files": [str(path) for path in self.files],
        }


def judge_files(
    files: ReadEntry,
    judges: Sequence[Judge],
    output: Path,
    cache: Path,
    *,
    send: bool = True,
    say: Say | None = None,
) -> JudgedFiles:
    """Write the votes of judges on files, long, and beside them who voted and what failed.

    Args:
        files: What to read, and how.
        judges: The judges.
        output: The votes; `labelers.json` goes beside them, and `faults.parquet` and `quarantined.parquet`
            where there is anything in them.
        cache: Where answers are kept.
        send: Whether questions without a stored answer are sent; without, votes are made anew from stored answers.
        say: Told of the progress.

    Raises:
        InputError: An input cannot be read.
        UnavailableError: A server is down or refuses everything; stored answers are kept.
    """
    runs: dict[str, JudgeCounts] = {}
    with AnswerCache(cache) as answers, read_files(files, output.parent) as read:
        faults: list[pa.Table] = []

        def voted() -> Iterator[pa.RecordBatch]:
            for judge in judges:
                for votes, failed in _judged(judge, read, answers, send=send, say=say, runs=runs):
                    faults.append(failed)
                    yield from votes.to_batches()

        scratch = read.path.parent
        write_parquet(scratch / "votes.parquet", VOTES, voted())
        failed = pa.concat_tables(faults) if faults else FAULTS.empty_table()
        write_parquet(scratch / "faults.parquet", FAULTS, failed.to_batches())
        written = _keep(scratch, output, judges)
    return JudgedFiles(read.counts.n_rows, read.counts.n_quarantined, runs, written)


def _judged(
    judge: Judge,
    read: ReadFiles,
    answers: AnswerCache,
    *,
    send: bool,
    say: Say | None,
    runs: dict[str, JudgeCounts],
) -> Iterator[tuple[pa.Table, pa.Table]]:
    def rows() -> Iterator[pa.RecordBatch]:
        return read.rows(about=judge.about)

    yield from judged(judge, rows, answers, send=send, say=say, runs=runs)


def judged(
    judge: Judge,
    rows: Rows,
    answers: AnswerCache,
    *,
    runs: dict[str, JudgeCounts],
    send: bool = True,
    say: Say | None = None,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield a judge's votes and faults on rows, after an estimate of what is left to pay.

    Args:
        judge: The judge.
        rows: The rows, read twice: for the estimate, and to be judged.
        answers: Where answers are kept.
        runs: Gets the judge's counts under its name.
        send: Whether anything is sent.
        say: Told of the progress.
    """
    plan = estimate(judge, rows(), answers)
    progress = JudgeProgress(judge.name, plan, say)
    run = JudgeRun(judge, answers, send=send, spending=plan.spending(judge), advance=progress.advance)
    progress.watch(run.counts)
    runs[judge.name] = run.counts
    yield from run.vote(rows())
    progress.done()


def estimate_files(files: ReadEntry, judges: Sequence[Judge], cache: Path) -> dict[str, Estimate]:
    """Return for each judge what asking it about files would come to; nothing is sent.

    Raises:
        InputError: An input cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="kto-judge-") as near, read_files(files, Path(near)) as read:
        kept = AnswerCache(cache if cache.exists() else Path(near) / "none.sqlite")
        with kept as answers:
            return {judge.name: estimate(judge, read.rows(about=judge.about), answers) for judge in judges}


def _keep(scratch: Path, output: Path, judges: Sequence[Judge]) -> list[Path]:
    """Move what was made to its place; the votes last, so that they are never there alone."""
    labelers = output.with_name("labelers.json")
    write_json(labelers, to_table(one for judge in judges for one in judge.labelers).to_pylist())
    written = [labelers]
    for name in ("faults.parquet", "quarantined.parquet"):
        if pq.read_metadata(scratch / name).num_rows:
            os.replace(scratch / name, output.with_name(name))
            written.append(output.with_name(name))
        else:
            output.with_name(name).unlink(missing_ok=True)  # an earlier judging's, no longer true
    os.replace(scratch / "votes.parquet", output)
    return [output, *written]
