"""Writes a dataset for another trainer."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.balance.mixed import Keys, mixed_order
from kto_data.balance.options import DEFAULT_TARGET
from kto_data.balance.order import first_seen
from kto_data.balance.resampling import ResamplingPlan, resampling_plan
from kto_data.balance.weights import suggest
from kto_data.dataset.export.target import TARGETS, Settings, Target
from kto_data.errors import InputError
from kto_data.runs.files import write_text
from kto_data.tables import add_view, database

_BATCH = 500
_MODEL = "MODEL"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a dataset is exported.

    Attributes:
        to: The target's name.
        model: What the settings file trains.
        max_length: In tokens.
        batch_rows: Rows of a batch per device; rows are mixed for it when they are ordered anew.
        order: `mixed` orders rows anew, `kept` leaves them as they are.
        resample: Repeat and leave out rows by their weights, for trainers that know none.
        seed: Of the order and the resampling.
    """

    to: str
    model: str = _MODEL
    max_length: int = 1024
    batch_rows: int = 8
    order: str = "kept"
    resample: bool = False
    seed: int = 0


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        files: Names in the folder.
        n_rows: Rows by split.
        n_by_label: Train rows by label.
        left_out: Rows that the target cannot express, by reason.
        examples: Some of them.
        plan: What resampling did; None without it.
        weights_lost: Whether rows had weights of their own that the target ignores.
        desirable_weight: What the settings file says.
        undesirable_weight: Likewise.
        command: How to train.
    """

    files: list[str] = field(default_factory=list)
    n_rows: Counter[str] = field(default_factory=Counter)
    n_by_label: Counter[bool] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    plan: ResamplingPlan | None = None
    weights_lost: bool = False
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    command: str = ""


def export_dataset(
    *,
    rows: Path,
    selection: Path,
    out: Path,
    name: str,
    stated: tuple[float, float] | None,
    options: ExportOptions,
) -> Exported:
    """Write the splits and the settings file of a trainer into a folder.

    Args:
        rows: Parquet with `rows_schema`.
        selection: Parquet with `SELECTION`.
        out: A folder; made if need be, and refused if it holds anything.
        name: Of the dataset.
        stated: The class weights that go with the rows; suggested by their counts where there are none, and where the
            rows' weights, which they were reckoned with, are lost, or rows are left out or repeated.
        options: See there.

    Raises:
        InputError: The folder is not empty, or the target can express no row.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    target = TARGETS.get(options.to)()
    done = Exported(command=target.command)
    with database(out) as con:
        add_view(con, "rows", rows)
        add_view(con, "selection", selection)
        for split in ("train", "test"):
            ids = _ordered(con, split, options, done)
            if not ids:
                continue
            records = _records(con, ids, target, split, done)
            file = out / target.rows_in / f"{split}.{target.container}"
            file.parent.mkdir(exist_ok=True)
            if _write(file, records, target.container):
                done.files.append(file.relative_to(out).as_posix())
    if not done.n_rows["train"]:
        raise InputError(
            f"{options.to} can express no train row: {'; '.join(f'{why} ({n:,})' for why, n in done.left_out.items()) or 'there is none'}"
        )
    settings = Settings(
        re.sub(r"[^A-Za-z0-9._-]+", "-", name) or "dataset",
        options.model,
        *_class_weights(stated, done),
        options.batch_rows,
        options.max_length,
        bool(done.n_rows["test"]),
    )
    for file_name, text in target.settings(settings).items():
        write_text(out / file_name, text)
        done.files.append(file_name)
    return done


def _class_weights(stated: tuple[float, float] | None, done: Exported) -> tuple[float, float]:
    changed = done.weights_lost or done.plan is not None or done.left_out
    if stated is None or changed:
        n_desirable, n_undesirable = done.n_by_label[True], done.n_by_label[False]
        best = suggest(n_desirable / n_undesirable if n_undesirable else None, DEFAULT_TARGET)
        stated = best.desirable_weight, best.undesirable_weight
    done.desirable_weight, done.undesirable_weight = stated
    return stated


def _ordered(con: Any, split: str, options: ExportOptions, done: Exported) -> list[str]:
    """Return the row_ids of a split in the order to write, some of them several times where rows are resampled."""
    found = con.execute(
        "SELECT row_id, label, weight, hash(prompt_id) AS prompt, hash(md5(CAST(completion AS VARCHAR))) AS completion "
        "FROM selection JOIN (SELECT row_id, prompt_id, completion FROM rows) USING (row_id) WHERE split = ? ORDER BY position",
        [split],
    ).fetchnumpy()
    ids = np.asarray(found["row_id"], dtype=object)
    if not len(ids):
        return []
    index: npt.NDArray[np.int64] = np.arange(len(ids))
    if split == "train":
        weights = np.asarray(found["weight"], dtype=np.float64)
        uneven = bool(np.ptp(weights) > 1e-6)
        if options.resample and uneven:
            done.plan = resampling_plan(weights, seed=options.seed)
            index = np.repeat(index, done.plan.copies)
        done.weights_lost = uneven and not options.resample
    if options.order == "mixed" or (split == "train" and done.plan is not None):
        keys = Keys(first_seen(found["prompt"][index]), first_seen(found["completion"][index]))
        label = found["label"][index].astype(np.bool_)
        index = index[mixed_order(label, keys, batch_rows=options.batch_rows, seed=options.seed)]
    return [str(row_id) for row_id in ids[index]]


def _records(
    con: Any, ids: list[str], target: Target, split: str, done: Exported
) -> Iterator[dict[str, Any]]:
    con.execute("CREATE OR REPLACE TABLE wanted (row_id VARCHAR, place BIGINT)")
    con.execute("INSERT INTO wanted SELECT unnest(?), unnest(range(?))", [ids, len(ids)])
    query = (
        "SELECT row_id, prompt, completion, label, p_desirable, sample_id, prompt_id FROM wanted JOIN rows USING (row_id) "
        "JOIN selection USING (row_id) ORDER BY place"
    )
    for batch in con.sql(query).to_arrow_reader(_BATCH):
        for row in batch.to_pylist():
            for side in ("prompt", "completion"):
                row[side] = [
                    {key: value for key, value in message.items() if value is not None}
                    for message in row[side]
                ]
            try:
                if any("tool_calls" in message for message in (*row["prompt"], *row["completion"])):
                    raise ValueError("it has tool calls, which this format cannot hold")
                record = target.record(row, split)
            except ValueError as problem:
                done.left_out[str(problem)] += 1
                if len(done.examples) < _EXAMPLES:
                    done.examples.append(row["row_id"])
                continue
            done.n_rows[split] += 1
            if split == "train":
                done.n_by_label[row["label"]] += 1
            yield record


def _write(file: Path, records: Iterable[dict[str, Any]], container: str) -> bool:
    """Write records; return False, and leave no file, where there are none."""
    partial = file.with_name(f".{file.name}.partial")
    if container == "parquet":
        n = _write_parquet(partial, records)
    else:
        with partial.open("w", encoding="utf-8", newline="\n") as out:
            n = _write_json(out, records, as_list=container == "json")
    if n:
        os.replace(partial, file)
    else:
        partial.unlink(missing_ok=True)
    return n > 0


def _write_json(out: TextIO, records: Iterable[dict[str, Any]], *, as_list: bool) -> int:
    n = 0
    for n, record in enumerate(records, 1):
        start = ("[\n" if n == 1 else ",\n") if as_list else ""
        out.write(start + json.dumps(record, ensure_ascii=False) + ("" if as_list else "\n"))
    if as_list and n:
        out.write("\n]\n")
    return n


def _write_parquet(partial: Path, records: Iterable[dict[str, Any]]) -> int:
    waiting: list[dict[str, Any]] = []
    writer: pq.ParquetWriter | None = None
    n = 0
    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema([("prompt", message), ("completion", message), ("label", pa.bool_())])
    for record in records:
        waiting.append(record)
        n += 1
        if len(waiting) >= _BATCH:
            writer = writer or pq.ParquetWriter(partial, schema, compression="zstd")
            writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
            waiting = []
    if waiting:
        writer = writer or pq.ParquetWriter(partial, schema, compression="zstd")
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    if writer is not None:
        writer.close()
    return n
