"""Forget rows: take their texts, and all that was made of them, out of a run folder, and keep them out.

What follows from the rows (the steps' folders, the dataset, the model, the report) is removed and made again by the
next run, which leaves the forgotten rows out when it reads: a model cannot unlearn them, so it is trained again. What
nobody can make again (votes of annotators and judges) is kept, without what was said about them.
"""

import glob
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.columns import column_values
from kto_data.errors import InputError
from kto_data.labelers.judges.asking.identity import Keys
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.rules.row import rows_of
from kto_data.pipeline.forgotten import Row, add_forgotten
from kto_data.pipeline.spec import load_pipeline
from kto_data.pipeline.steps.voters import ANSWERS
from kto_data.runs.folder import MANIFEST, RunFolder

_STEPS = "[0-9][0-9]_*"
_MADE_OF_ROWS = (
    "dataset",
    "checkpoint",
    "saturation.parquet",
    "evaluation",
    "evaluation.json",
    "report.html",
    "report.json",
    MANIFEST,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be forgotten.

    Attributes:
        rows: By row_id.
        samples: By sample_id: every row with this content.
        users: By a value of `column`, and of the votes' `user`.
        column: The column that names a row's user.
    """

    rows: Sequence[str] = ()
    samples: Sequence[str] = ()
    users: Sequence[str] = ()
    column: str = "meta.user"


@dataclass(slots=True)
class Forgotten:
    """What a request comes to.

    Attributes:
        row_ids: The rows.
        sample_ids: Contents that no other row has.
        removed: What is removed from the run folder; the next run makes it again.
        rewritten: Files that are kept without what was said about the rows, with the number of entries taken out.
        elsewhere: What this command cannot reach, and who has to.
        done: False for a rehearsal.
    """

    row_ids: list[str]
    sample_ids: list[str]
    removed: list[str] = field(default_factory=list)
    rewritten: dict[str, int] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)
    done: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def forget(folder: Path, wanted: Wanted, *, do: bool) -> Forgotten:
    """Forget rows of a run, or tell what that would come to.

    Args:
        folder: The run folder.
        wanted: What is to be forgotten.
        do: Whether to do it.

    Raises:
        InputError: It is no run folder, or nothing in it is meant.
        UnavailableError: A run is at work in it.
    """
    if not list(folder.glob(f"{_STEPS}/rows.parquet")):
        raise InputError(f"{folder}: holds no rows; name a run folder (runs/NAME)")
    with RunFolder(folder).locked():
        rows, samples = _find(folder, wanted)
        if not rows:
            raise InputError(
                f"{folder}: no row is meant; `kto explain` finds rows and samples, --column names the user's"
            )
        found = Forgotten(sorted(rows), sorted(samples), done=do)
        found.elsewhere = list(_elsewhere(folder))
        judges, shown = _judges(folder, found), _shown(folder, samples)
        for block in sorted((folder / "votes").glob("*.parquet")):
            _forget_votes(block, rows, samples, wanted.users, found)
        _forget_answers(folder.parent / ANSWERS, judges, shown, found)
        _forget_tasks(folder / "annotation" / "ledger.sqlite", samples, found)
        made = [
            path
            for pattern in (_STEPS, ".[0-9][0-9]_*", *_MADE_OF_ROWS)
            for path in sorted(folder.glob(pattern))
        ]
        found.removed = [path.name for path in made]
        if do:
            add_forgotten(folder, _as_read(folder, rows))  # first: whatever happens, they stay out
            for path in made:
                _remove(path)
    return found


def _find(folder: Path, wanted: Wanted) -> tuple[set[str], set[str]]:
    """Return the rows that are meant, the answers of models to their prompts too, and the contents that none else has."""
    files = [Path(name) for name in glob.glob(f"{glob.escape(str(folder))}/{_STEPS}/rows.parquet")]
    rows = set(wanted.rows) | _rows_of_votes(folder, wanted.users)
    known: set[str] = set()
    entries: list[tuple[str, str, str]] = []
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches():
            ids = [batch[name].to_pylist() for name in ("row_id", "sample_id", "prompt_id")]
            entries += zip(*ids, strict=True)
            users = _values(batch, wanted.column) if wanted.users else [None] * batch.num_rows
            for row_id, sample_id, user in zip(ids[0], ids[1], users, strict=True):
                known.add(row_id)
                if sample_id in wanted.samples or (user is not None and str(user) in wanted.users):
                    rows.add(row_id)
    rows &= known
    answers = {row_id for row_id, _, _ in entries if row_id.startswith("round-")}
    others = {prompt for row_id, _, prompt in entries if row_id not in rows | answers}
    prompts = {prompt for row_id, _, prompt in entries if row_id in rows} - others
    rows |= {row_id for row_id, _, prompt in entries if row_id in answers and prompt in prompts}
    shared = {sample for row_id, sample, _ in entries if row_id not in rows}
    return rows, {sample for row_id, sample, _ in entries if row_id in rows} - shared


def _as_read(folder: Path, rows: set[str]) -> Iterator[Row]:
    """Yield the rows with their contents before anything was masked."""
    for file in folder.glob("[0-9][0-9]_read-*/rows.parquet"):
        for batch in pq.ParquetFile(file).iter_batches(columns=["row_id", "sample_id"]):
            pairs = zip(batch["row_id"].to_pylist(), batch["sample_id"].to_pylist(), strict=True)
            yield from (pair for pair in pairs if pair[0] in rows)


def _values(batch: pa.RecordBatch, column: str) -> list[Any]:
    try:
        return list(column_values(batch, column))
    except (KeyError, InputError):
        return [None] * batch.num_rows


def _rows_of_votes(folder: Path, users: Sequence[str]) -> set[str]:
    """Return the rows on which these users gave feedback."""
    found: set[str] = set()
    for block in (folder / "votes").glob("votes-*.parquet") if users else ():
        table = pq.read_table(block, columns=["row_id", "user"])
        found |= set(table.filter(pc.is_in(table["user"], pa.array(list(users))))["row_id"].to_pylist())
    return found - {None}


def _forget_votes(
    block: Path, rows: set[str], samples: set[str], users: Sequence[str], found: Forgotten
) -> None:
    table = pq.read_table(block)
    gone = pa.array([False] * table.num_rows, pa.bool_())
    for column, values in (("row_id", rows), ("sample_id", samples), ("user", users)):
        if column in table.schema.names:
            gone = pc.or_(
                gone, pc.fill_null(pc.is_in(table[column], pa.array(sorted(values), pa.string())), False)
            )
    n_gone = pc.sum(gone).as_py() or 0
    if n_gone:
        found.rewritten[f"votes/{block.name}"] = n_gone
        if found.done:
            partial = block.with_name(f".{block.name}.partial")
            pq.write_table(table.filter(pc.invert(gone)), partial, compression="zstd")
            partial.replace(block)


def _shown(folder: Path, samples: set[str]) -> list[pa.RecordBatch]:
    """Return the rows of these contents, as judges saw them."""
    wanted = pa.array(sorted(samples), pa.string())
    batches = []
    for file in folder.glob(f"{_STEPS}/rows.parquet"):
        table = pq.read_table(file)
        batches += table.filter(pc.is_in(table["sample_id"], wanted)).to_batches()
    return batches


def _judges(folder: Path, found: Forgotten) -> tuple[Judge, ...]:
    """Return the judges of the run's pipeline file."""
    try:
        path = Path(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["file"])
        pipeline = load_pipeline(path)
    except (OSError, ValueError, KeyError, InputError):
        if (folder.parent / ANSWERS).is_file():
            found.elsewhere.append(
                f"{folder.parent / ANSWERS}: the run's pipeline file cannot be read, so judges' answers about the rows "
                "are not known; remove the file if judges were asked (their answers would be paid for again)"
            )
        return ()
    return (*pipeline.judges, *pipeline.held_out_judges)


def _forget_answers(
    path: Path, judges: Sequence[Judge], shown: Sequence[pa.RecordBatch], found: Forgotten
) -> None:
    """Take stored answers of judges about the contents out; an answer's reason may quote them."""
    if not judges or not path.is_file():
        return
    with AnswerCache(path) as cache:
        before = len(cache)
        keys = {key for judge in judges for key in _keys(judge, shown) if cache.get(key) is not None}
        if keys:
            found.rewritten[str(path)] = len(keys)
        if keys and found.done:
            cache.db.executemany("DELETE FROM answers WHERE key = ?", [(key,) for key in keys])
            cache.db.commit()
            cache.db.execute("VACUUM")
            assert len(cache) == before - len(keys)


def _keys(judge: Judge, shown: Sequence[pa.RecordBatch]) -> Iterator[bytes]:
    if not judge.backend.asks:
        return
    keys = Keys(judge.backend, judge.options.model)
    for batch in shown:
        for row in rows_of(batch):
            for voter in judge.voters:
                yield from (keys.of(question) for question in judge.questions(row, voter))


def _forget_tasks(ledger: Path, samples: set[str], found: Forgotten) -> None:
    """Take annotators' tasks about the contents, and what they answered, out of the ledger."""
    if not ledger.is_file():
        return
    with closing(sqlite3.connect(ledger)) as db:
        listed = [(sample,) for sample in sorted(samples)]
        db.execute("CREATE TEMP TABLE gone (sample_id TEXT PRIMARY KEY)")
        db.executemany("INSERT INTO gone VALUES (?)", listed)
        items = db.execute(
            "SELECT external_id, task FROM items WHERE sample_id IN (SELECT sample_id FROM gone)"
        ).fetchall()
        if not items:
            return
        found.rewritten["annotation/ledger.sqlite"] = len(items)
        tasks = [str(task) for _, task in items if task is not None]
        if tasks:
            found.elsewhere.append(f"Label Studio: delete the tasks {', '.join(tasks)} there")
        if found.done:
            db.executemany("DELETE FROM annotations WHERE external_id = ?", [(one,) for one, _ in items])
            for name in ("items", "told"):
                db.execute(f"DELETE FROM {name} WHERE sample_id IN (SELECT sample_id FROM gone)")  # noqa: S608 - ours
            db.commit()
            db.execute("VACUUM")


def _elsewhere(folder: Path) -> Iterator[str]:
    for read in sorted(folder.glob("[0-9][0-9]_read-*")):
        facts = json.loads((read / MANIFEST).read_text(encoding="utf-8"))["facts"]
        for file in facts["files"]:
            yield f"{file['name']}: the input still holds the rows; take them out there (until then they are left out)"
    yield "copies of the dataset or the model (exports, pushes to a hub, deployments): replace them after the next run"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
