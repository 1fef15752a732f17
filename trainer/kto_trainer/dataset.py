"""Reads and verifies a dataset folder: manifest, checksums, columns, types.

The folder holds `train-00000.parquet ...`, `test-00000.parquet ...` and a `manifest.json` that lists them with their
sha256. Nothing is trained on a shard that is not what its manifest says.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_trainer.errors import TrainerError

SCHEMA_VERSION = 1
TEXT_COLUMNS = ("prompt", "completion")
REQUIRED_COLUMNS = (*TEXT_COLUMNS, "label", "row_id", "sample_id", "prompt_id")
READ_BYTES = 1 << 20  # of texts that are in memory at a time, about

Message = Mapping[str, str | None]
Text = str | Sequence[Message]


class Row(NamedTuple):
    """One output's texts. `prompt` and `completion` are plain text or chat messages."""

    number: int  # its place among the split's rows
    prompt_id: str
    prompt: Text
    completion: Text


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One verified split of N rows. Labels, weights and order are in memory (17 bytes a row), texts stay in the shards.

    Rows are numbered by their row_id, so that a file's row order changes nothing.
    """

    name: str
    labels_N: np.ndarray  # bool
    weights_N: np.ndarray  # float64
    order_N: np.ndarray  # row i is the order_N[i]-th of the shards in turn
    shards: tuple[Path, ...]
    manifest: dict[str, Any]
    manifest_sha256: str
    folder: Path

    def __len__(self) -> int:
        return len(self.labels_N)

    def part(self, chosen_N: np.ndarray, name: str) -> "Split":
        """Those rows where `chosen_N` is true, numbered anew in the same order, as a split of its own name."""
        return replace(
            self,
            name=name,
            labels_N=self.labels_N[chosen_N],
            weights_N=self.weights_N[chosen_N],
            order_N=self.order_N[chosen_N],
        )

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

    def texts(self) -> Iterator[Row]:
        """All rows' texts as they stand in the shards, read a few at a time.

        Raises:
            TrainerError: A prompt or completion is neither text nor messages.
        """
        at = 0
        files = [_open(path) for path in self.shards]
        number_S = np.full(
            sum(file.metadata.num_rows for file in files), -1, np.int64
        )  # of each row of the shards
        number_S[self.order_N] = np.arange(len(self))
        for path, file in zip(self.shards, files, strict=True):
            first = at
            size = sum(file.metadata.row_group(k).total_byte_size for k in range(file.num_row_groups))
            n_rows = max(1, min(1000, READ_BYTES * file.metadata.num_rows // max(1, size)))
            for batch in file.iter_batches(n_rows, columns=["prompt_id", *TEXT_COLUMNS]):
                columns = [batch.column(name).to_pylist() for name in ("prompt_id", *TEXT_COLUMNS)]
                for prompt_id, prompt, completion in zip(*columns, strict=True):
                    at += 1
                    if number_S[at - 1] < 0:  # not of this part
                        continue
                    for name, value in (("prompt", prompt), ("completion", completion)):
                        if not _is_text(value):
                            raise TrainerError(
                                f"{path}: row {at - 1 - first}: {name} is neither text nor a non-empty list of messages "
                                f"with role and content ({str(value)[:60]!r})"
                            )
                    yield Row(int(number_S[at - 1]), str(prompt_id), prompt, completion)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all rows, in the order of the rows' numbers; in memory."""
        table = pa.concat_tables([_open(path).read(list(names)) for path in self.shards])
        return table.take(pa.array(self.order_N))


def read_split(folder: Path, split: str) -> Split:
    """Verify one split of a dataset folder, and read its labels, weights and order.

    Raises:
        TrainerError: A missing folder or manifest, an unknown schema version, a shard that is missing or was changed,
            a missing column, a wrong type, a NaN or negative weight, or an empty split.
    """
    manifest, digest = _read_manifest(folder)
    shards = [shard for shard in manifest["shards"] if shard.get("split") == split]
    paths = tuple(_verified(folder, shard) for shard in shards)
    parts = [_read_columns(path) for path in paths]
    if not sum(len(part.labels) for part in parts):
        present = sorted({str(shard.get("split")) for shard in manifest["shards"] if shard.get("rows")})
        raise TrainerError(
            f"{folder}: the split {split!r} is empty (splits with rows: {', '.join(present) or 'none'}); "
            "label more data, or change the share of the split in the pipeline's `split:` key"
        )
    row_ids = pa.chunked_array([part.row_ids for part in parts])
    order_N = pc.sort_indices(row_ids).to_numpy().astype(np.int64)
    labels_N, weights_N = (
        np.concatenate(values)[order_N]
        for values in ([part.labels for part in parts], [part.weights for part in parts])
    )
    return Split(split, labels_N, weights_N, order_N, paths, manifest, digest, folder)


def has_rows(folder: Path, split: str) -> bool:
    """Whether a dataset folder's manifest lists rows of a split."""
    manifest, _ = _read_manifest(folder)
    return any(shard.get("split") == split and shard.get("rows") for shard in manifest["shards"])


def require_both_classes(labels_N: np.ndarray, where: str) -> None:
    """Refuse rows of one class: there is nothing to learn from.

    Raises:
        TrainerError: All labels are equal.
    """
    if labels_N.all() or not labels_N.any():
        only = "desirable" if labels_N[0] else "undesirable"
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


def _verified(folder: Path, shard: Mapping[str, Any]) -> Path:
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
    return path


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            path, buffer_size=1 << 20, pre_buffer=False
        )  # a page at a time, not a row group
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise TrainerError(
            f"{path}: not a readable Parquet file ({first_line}); write the dataset again"
        ) from None


class _Columns(NamedTuple):
    """A shard's columns that are kept in memory, and the ids that order its rows."""

    labels: np.ndarray
    weights: np.ndarray
    row_ids: pa.Array


def _read_columns(path: Path) -> _Columns:
    file = _open(path)
    names = file.schema_arrow.names
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        raise TrainerError(
            f"{path}: missing columns: {', '.join(missing)} (found: {', '.join(names)}); "
            "write the dataset again with `kto run`"
        )
    table = file.read([name for name in ("label", "weight", "row_id") if name in names]).combine_chunks()
    weights = _weights(path, table.column("weight")) if "weight" in names else np.ones(len(table))
    row_ids = table.column("row_id").cast(pa.large_string()).combine_chunks()
    return _Columns(_labels(path, table.column("label")), weights, row_ids)


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return True
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in value)
    )


def _labels(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    if not (pa.types.is_boolean(column.type) or pa.types.is_integer(column.type)):
        raise TrainerError(f"{path}: label has type {column.type}; labels are bool, or the integers 0 and 1")
    numbers = column.cast(pa.int64())
    right = pc.is_in(numbers, value_set=pa.array([0, 1], pa.int64()))
    _require(path, column, right, "label", "labels are bool, or the integers 0 and 1")
    return np.asarray(numbers).astype(bool)


def _weights(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise TrainerError(f"{path}: weight has type {column.type}; weights are finite numbers of at least 0")
    numbers = column.cast(pa.float64())
    right = pc.and_(pc.is_finite(numbers), pc.greater_equal(numbers, 0.0))
    _require(path, column, right.fill_null(False), "weight", "weights are finite numbers of at least 0")
    return np.asarray(numbers)


def _require(path: Path, column: pa.ChunkedArray, right: pa.ChunkedArray, name: str, rule: str) -> None:
    wrong = pc.index(right, False).as_py()
    if wrong >= 0:
        raise TrainerError(f"{path}: row {wrong}: {name} is {column[wrong].as_py()!r}; {rule}")
