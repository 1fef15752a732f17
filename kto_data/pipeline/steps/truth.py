"""truth: what is known to be right, compared with the labels; no labeler and no training sees it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.labelers.decision_table import DecisionTable
from kto_data.pipeline.context import Context
from kto_data.pipeline.sections.known import TruthFile
from kto_data.pipeline.steps.aggregate import run_votes
from kto_data.pipeline.steps.label import VOTING_STEPS
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.statistics.intervals import wilson
from kto_data.tables import add_view, database, read_query, write_parquet

TRUTH = pa.schema(
    [pa.field("row_id", pa.string(), nullable=False), pa.field("truth", pa.bool_(), nullable=False)]
)
"""The rows of which the right label is known."""


def compare_with_truth(context: Context) -> StepResult | None:
    """Write `truth.parquet` and compare labels and labelers with it; None when no truth is known."""
    spec = _spec(context)
    if spec is None:
        return None

    def work(folder: Path) -> Outcome:
        known = _from_columns(context, spec) if isinstance(spec, DecisionTable) else _from_file(context, spec)
        n_known = write_parquet(folder / "truth.parquet", TRUTH, known)
        agreement = _agreement(context, folder)
        return Outcome({"n_rows": n_known}, agreement)

    file = [_file_of(context, spec)] if isinstance(spec, TruthFile) else []
    return context.do(
        "truth",
        work,
        options=spec.model_dump(mode="json"),
        files=file,
        after=["read", "prepare", *VOTING_STEPS, "aggregate"],
    )


def _spec(context: Context) -> TruthFile | DecisionTable | None:
    if context.pipeline.file.demo_log:
        return TruthFile(file="truth.jsonl", id="id", label="desirable")
    return context.pipeline.file.truth


def _file_of(context: Context, spec: TruthFile) -> Path:
    folder = context.done["demo_log"].folder if context.pipeline.file.demo_log else context.pipeline.folder
    return folder / spec.file


def _from_columns(context: Context, table: DecisionTable) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(context.rows).iter_batches(1024):
        found: list[dict[str, Any]] = []
        for row_id, values in zip(batch["row_id"].to_pylist(), table.values(batch), strict=True):
            try:
                vote = table.vote_on(values)
            except LookupError:
                continue  # a value that is no verdict: the truth of this row is not known
            if vote:
                found.append({"row_id": row_id, "truth": vote > 0})
        yield pa.RecordBatch.from_pylist(found, schema=TRUTH)


def _from_file(context: Context, spec: TruthFile) -> Iterator[pa.RecordBatch]:
    path = _file_of(context, spec)
    known: dict[str, bool] = {}
    with path.open("rb") as lines:  # bytes, so that a line that is no UTF-8 text is a mistake of that line
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                native_id, label = str(record[spec.id]), record[spec.label]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise InputError(
                    f"{path}:{number}: must be a JSON object with the keys {spec.id!r} and {spec.label!r}"
                ) from None
            if not isinstance(label, bool):
                raise InputError(f"{path}:{number}: {spec.label} must be true or false, not {label!r}")
            known[native_id] = label
    n_found = 0
    for batch in pq.ParquetFile(context.rows).iter_batches(16_384, columns=["row_id"]):
        found = [
            {"row_id": row_id, "truth": known[native_id]}
            for row_id in batch["row_id"].to_pylist()
            if (native_id := row_id.partition("#")[2]) in known
        ]
        n_found += len(found)
        yield pa.RecordBatch.from_pylist(found, schema=TRUTH)
    if not n_found:
        raise InputError(
            f"{path}: none of its {len(known):,} ids is that of a row; `truth.id` names the key, now {spec.id!r}, "
            "which holds what the input's column `id` holds"
        )


def _agreement(context: Context, folder: Path) -> dict[str, Any]:
    """Return how many labels, and how many votes of each labeler, agree with the truth."""
    with database(folder) as con:
        for name, path in (
            ("kept", context.path("prepare", "kept.parquet")),
            ("labels", context.path("aggregate", "labels.parquet")),
            ("truth", folder / "truth.parquet"),
        ):
            add_view(con, name, path)
        con.execute("CREATE VIEW known AS FROM kept JOIN truth USING (row_id) JOIN labels USING (sample_id)")
        by = con.execute(
            "SELECT decided_by, count(*), count(*) FILTER (label = truth) FROM known WHERE label IS NOT NULL "
            "GROUP BY decided_by ORDER BY decided_by"
        ).fetchall()
        samples = pa.Table.from_batches(
            read_query(
                con,
                "SELECT sample_id, bool_or(truth) AS truth FROM known GROUP BY sample_id HAVING bool_or(truth) = bool_and(truth)",
            ),
            schema=pa.schema([("sample_id", pa.string()), ("truth", pa.bool_())]),
        )
    n, agree = sum(count for _, count, _ in by), sum(right for _, _, right in by)
    interval = wilson(agree, n)
    return {
        "n": n,
        "agree": agree,
        "interval": asdict(interval) if interval else None,
        "decided_by": {name: {"n": count, "agree": right} for name, count, right in by},
        "labelers": _labeler_agreement(context, dict(zip(*samples.to_pydict().values(), strict=True))),
    }


def _labeler_agreement(context: Context, truth: dict[str, bool]) -> dict[str, dict[str, int]]:
    votes = run_votes(context)
    right_N = np.array(
        [{True: 1, False: -1, None: 0}[truth.get(sample_id)] for sample_id in votes.sample_ids],
        dtype=np.int64,
    )
    sign_V = np.sign(votes.up_V - votes.down_V) * (right_N[votes.sample_V] if len(right_N) else 0)
    return {
        labeler.name: {
            "n": int(np.count_nonzero(sign_V[votes.labeler_V == position])),
            "agree": int(np.count_nonzero(sign_V[votes.labeler_V == position] > 0)),
        }
        for position, labeler in enumerate(votes.labelers)
    }
