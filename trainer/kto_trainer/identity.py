"""What makes two reference models the same: the hash of their files, and how they compute."""

import hashlib
import json
from pathlib import Path
from typing import Any

from kto_trainer.model import Machine
from kto_trainer.output import write_json

CACHE = ".cache"
HASHES = "files.json"


def reference_folder(dataset: Path, name: str, model: Any, computer: Machine, quantize: str = "none") -> Path:
    """Where a model's log-probabilities of a dataset's rows are kept: `DATASET/.cache/reference/<key>`.

    The key covers the model's configuration and weight files (of a hub model: its commit), the arithmetic and the kind
    of device. A file's hash is kept with its size and time of change, so that large files are read once.

    Args:
        dataset: The dataset folder.
        name: Local folder or hub id.
        model: The loaded model.
        computer: Device and arithmetic.
        quantize: How the weights are rounded.
    """
    cache = dataset / CACHE
    commit = getattr(model.config, "_commit_hash", None)
    folder = Path(name).expanduser()
    parts = [f"{name}@{commit}"] if commit and not folder.is_dir() else _file_hashes(folder, cache)
    parts += [str(computer.dtype), computer.device.type]
    parts += [] if quantize == "none" else [quantize]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    return cache / "reference" / digest


def _file_hashes(folder: Path, cache: Path) -> list[str]:
    try:
        known = json.loads((cache / HASHES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    # Settings of generation and of our own training do not reach a log-probability; the tokenizer does by the token ids.
    files = [path for path in files if path.suffix == ".safetensors" or path.name == "config.json"]
    hashes, changed = [], False
    for path in files:
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        entry = known.get(str(path.resolve()))
        if not isinstance(entry, dict) or entry.get("stamp") != stamp:
            with path.open("rb") as file:
                entry = {"stamp": stamp, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
            known[str(path.resolve())] = entry
            changed = True
        hashes.append(f"{path.name} {entry['sha256']}")
    if changed:
        cache.mkdir(parents=True, exist_ok=True)
        write_json(cache / HASHES, known)
    return hashes
