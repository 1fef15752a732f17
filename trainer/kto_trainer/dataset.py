"""Reads and verifies a dataset folder: manifest, checksums, columns, types.

The folder holds `train-00000.parquet ...`, `test-00000.parquet ...` and a `manifest.json` that lists them with their
sha256. Nothing is trained on a shard that is not what its manifest says.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_trainer.errors import TrainerError

SCHEMA_VERSION = 1
TEXT_COLUMNS = ("prompt", "completion")
REQUIRED_COLUMNS = (*TEXT_COLUMNS, "label", "row_id", "sample_id", "prompt_id")

Message = Mapping[str, str | None]
Text = str | Sequence[Message]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled output. `prompt` and `completion` are plain text or chat messages."""

    row_id: str
    sample_id: str
    prompt_id: str
    prompt: Text
    completion: Text
    label: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Split:
    """One verified split: its rows sorted by row_id, so that a file's row order changes nothing."""

    name: str
    rows: list[Row]
    manifest: dict[str, Any]
    manifest_sha256: str
    folder: Path

    def class_weights(self) -> tuple[float, float]:
        """The manifest's (desirable_weight, undesirable_weight); (1, 1) where it has none."""
        weights = self.manifest.get("weights") or {}
        both = (weights.get("desirable_weight", 1.0), weights.get("undesirable_weight", 1.0))
        for value in both:
            if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise TrainerError(
                    f"manifest.json: a class weight is {value!r}, not a finite number of at least 0"
                )
        return float(both[0]), float(both[1])


def read_split(folder: Path, split: str) -> Split:
    """Read and verify one split of a dataset folder.

    Raises:
        TrainerError: A missing folder or manifest, an unknown schema version, a shard that is missing or was changed,
            a missing column, a wrong type, a NaN or negative weight, or an empty split.
    """
    manifest, digest = _read_manifest(folder)
    shards = [shard for shard in manifest["shards"] if shard.get("split") == split]
    rows = [row for shard in shards for row in _read_shard(folder, shard)]
    if not rows:
        present = sorted({str(shard.get("split")) for shard in manifest["shards"] if shard.get("rows")})
        raise TrainerError(
            f"{folder}: the split {split!r} is empty (splits with rows: {', '.join(present) or 'none'}); "
            "label more data, or change the share of the split in the pipeline's `split:` key"
        )
    return Split(split, sorted(rows, key=lambda row: row.row_id), manifest, digest, folder)


def require_both_classes(labels: Iterable[bool], where: str) -> None:
    """Refuse rows of one class: there is nothing to learn from.

    Raises:
        TrainerError: All labels are equal.
    """
    kinds = set(labels)
    if len(kinds) == 1:
        only = "desirable" if kinds.pop() else "undesirable"
        raise TrainerError(
            f"{where}: every row of the train split is {only}; KTO learns from the contrast of desirable and "
            "undesirable outputs. Label more, or set `aggregate.when_no_evidence` in the pipeline so that outputs "
            "without evidence count as one of the two"
        )


def _read_manifest(folder: Path) -> tuple[dict[str, Any], str]:
    if not folder.is_dir():
        raise TrainerError(f"{folder}: no such dataset folder; make one with `kto run`, or check the path")
    path = folder / "manifest.json"
    if not path.is_file():
        raise TrainerError(
            f"{folder}: no manifest.json, so this is no finished dataset folder; run `kto run` again"
        )
    content = path.read_bytes()
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise TrainerError(
            f"{path}: not valid JSON ({error}); write the dataset again with `kto run`"
        ) from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("shards"), list):
        raise TrainerError(f"{path}: has no list `shards`; write the dataset again with `kto run`")
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise TrainerError(
            f"{path}: schema_version is {manifest.get('schema_version')!r}, this trainer reads {SCHEMA_VERSION}; "
            "write the dataset again with this version of kto-data"
        )
    return manifest, hashlib.sha256(content).hexdigest()


def _read_shard(folder: Path, shard: Mapping[str, Any]) -> list[Row]:
    path = folder / str(shard.get("path"))
    if path.parent != folder or not path.is_file():
        raise TrainerError(
            f"{path}: the manifest lists this shard but it is not there; write the dataset again"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != shard.get("sha256"):
        raise TrainerError(
            f"{path}: sha256 differs from the manifest's: the shard was changed; write the dataset again"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise TrainerError(
            f"{path}: not a readable Parquet file ({first_line}); write the dataset again"
        ) from None
    missing = [name for name in REQUIRED_COLUMNS if name not in table.column_names]
    if missing:
        raise TrainerError(
            f"{path}: missing columns: {', '.join(missing)} (found: {', '.join(table.column_names)}); "
            "write the dataset again with `kto run`"
        )
    return _rows(path, table)


def _rows(path: Path, table: pa.Table) -> list[Row]:
    labels = _labels(path, table.column("label"))
    weights = _weights(path, table)
    columns = {name: table.column(name).to_pylist() for name in REQUIRED_COLUMNS}
    for name in TEXT_COLUMNS:
        for number, value in enumerate(columns[name]):
            if not _is_text(value):
                raise TrainerError(
                    f"{path}: row {number}: {name} is neither text nor a non-empty list of messages with role and "
                    f"content ({str(value)[:60]!r})"
                )
    return [
        Row(
            row_id=str(columns["row_id"][i]),
            sample_id=str(columns["sample_id"][i]),
            prompt_id=str(columns["prompt_id"][i]),
            prompt=columns["prompt"][i],
            completion=columns["completion"][i],
            label=labels[i],
            weight=weights[i],
        )
        for i in range(table.num_rows)
    ]


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return True
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in value)
    )


def _labels(path: Path, column: pa.ChunkedArray) -> list[bool]:
    values = column.to_pylist()
    if not (pa.types.is_boolean(column.type) or pa.types.is_integer(column.type)):
        raise TrainerError(f"{path}: label has type {column.type}; labels are bool, or the integers 0 and 1")
    for number, value in enumerate(values):
        if value not in (0, 1):  # True and False are 1 and 0
            raise TrainerError(
                f"{path}: row {number}: label is {value!r}; labels are bool, or the integers 0 and 1"
            )
    return [bool(value) for value in values]


def _weights(path: Path, table: pa.Table) -> list[float]:
    if "weight" not in table.column_names:
        return [1.0] * table.num_rows
    column = table.column("weight")
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise TrainerError(f"{path}: weight has type {column.type}; weights are finite numbers of at least 0")
    values = column.to_pylist()
    for number, value in enumerate(values):
        if value is None or not math.isfinite(value) or value < 0:
            raise TrainerError(
                f"{path}: row {number}: weight is {value!r}; weights are finite numbers of at least 0"
            )
    return [float(value) for value in values]
