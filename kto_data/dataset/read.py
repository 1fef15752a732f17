"""Reads a dataset folder back, and verifies that it is what its manifest says."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from kto_data.dataset.manifest import DatasetManifest, Shard, Split
from kto_data.errors import InputError
from kto_data.schema import SCHEMA_VERSION

_AGAIN = "write the dataset again with `kto run`"


def read_manifest(folder: Path) -> DatasetManifest:
    """Return the manifest of a dataset folder.

    Raises:
        InputError: The folder or its manifest is missing, broken, or of another schema version.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such dataset folder")
    path = folder / "manifest.json"
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{folder}: has no manifest.json, so it is no finished dataset folder; {_AGAIN}"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); {_AGAIN}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {version!r}, but this kto-data reads {SCHEMA_VERSION}; {_AGAIN}"
        )
    try:
        return DatasetManifest.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        )
        raise InputError(f"{path}: {wrong}; {_AGAIN}") from None


def verify(folder: Path) -> DatasetManifest:
    """Check that every shard has the bytes and the rows that the manifest says, and return the manifest.

    Raises:
        InputError: With everything that is wrong.
    """
    manifest = read_manifest(folder)
    wrong = [problem for shard in manifest.shards if (problem := _problem(folder, shard))]
    for split, count in manifest.counts.items():
        n_rows = sum(shard.rows for shard in manifest.shards if shard.split == split)
        if n_rows != count.rows:
            wrong.append(
                f"{folder}: the manifest counts {count.rows} {split} rows, but its shards hold {n_rows}"
            )
    if wrong:
        raise InputError("\n".join([*wrong, _AGAIN]))
    return manifest


def _problem(folder: Path, shard: Shard) -> str | None:
    path = folder / shard.path
    if not path.is_file():
        return f"{path}: is listed in the manifest, but not there"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != shard.sha256:
        return f"{path}: was changed: its sha256 is not the manifest's"
    try:
        n_rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        return f"{path}: is not a Parquet file ({error})"
    return None if n_rows == shard.rows else f"{path}: has {n_rows} rows, but the manifest says {shard.rows}"


def iter_batches(folder: Path, split: Split, *, batch_rows: int = 1000) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a split in their order; nothing for a split without rows.

    Raises:
        InputError: The folder is no finished dataset, or a shard is missing.
    """
    for shard in read_manifest(folder).shards:
        if shard.split != split:
            continue
        path = folder / shard.path
        if not path.is_file():
            raise InputError(f"{path}: is listed in the manifest, but not there; {_AGAIN}")
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=batch_rows)
