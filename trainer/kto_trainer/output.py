"""Writing results so that a killed run leaves nothing that looks whole: temporary names, then renames."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from kto_trainer.errors import TrainerError

OPTIONS_FILE = "kto_options.json"
TRAINING_FILE = "training.json"
PARTIAL = ".partial"
LOG = "log.jsonl"
STATES = "checkpoints"  # what a killed run continues from; see `states`
MANIFEST = "state.json"
CHECKPOINT = "checkpoint"
REFERENCE = "reference"
SATURATION = "saturation.parquet"
RESULTS = (LOG, CHECKPOINT, REFERENCE, SATURATION, "tensorboard")


def partial(path: Path) -> Path:
    """The temporary name of a path, in the same folder so that the rename is atomic."""
    return path.with_name(path.name + PARTIAL)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON document under a temporary name and rename it."""
    temporary = partial(path)
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet (zstd) under a temporary name and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, partial(path), compression="zstd")
    partial(path).replace(path)


def save_model(
    folder: Path,
    model: Any,
    tokenizer: Any,
    options: Mapping[str, Any],
    weights: Mapping[str, Any] | None = None,
    *,
    card: str | None = None,
    write: Callable[[Path], None] | None = None,
) -> None:
    """Save weights (safetensors), tokenizer, chat template and the run's options as a folder, all or nothing.

    `AutoModelForCausalLM.from_pretrained` loads the folder. The options lie in `kto_options.json`, which `train
    --config` accepts and from which `score` and `generate` take the lengths and beta. `weights` stand for the model's own,
    where these lie in shares over processes. `card` becomes README.md; `write` puts something else in place of the weights.
    """
    temporary = partial(folder)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        if write is not None:
            write(temporary)
        else:
            model.save_pretrained(temporary, safe_serialization=True, state_dict=weights)
    except SafetensorError as error:  # it wraps what the system said, such as a full disk
        raise OSError(f"{temporary}: the weights cannot be written ({error})") from None
    tokenizer.save_pretrained(temporary)
    write_json(temporary / OPTIONS_FILE, options)
    if card is not None:
        (temporary / "README.md").write_text(card, encoding="utf-8")
    for path in temporary.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_output(folder: Path, *, overwrite: bool, resume: bool = False) -> None:
    """Refuse an output folder that must not be written to, before any work.

    Raises:
        TrainerError: It holds a finished training, or one to resume, and `overwrite` is not set, or it is a file.
    """
    if overwrite and resume:
        raise TrainerError("--resume continues what --overwrite would remove; pass one of them")
    if folder.exists() and not folder.is_dir():
        raise TrainerError(f"{folder}: is a file; --output takes a folder")
    if overwrite or resume:
        return
    if (folder / TRAINING_FILE).exists():
        raise TrainerError(
            f"{folder}: holds a finished training ({TRAINING_FILE}); choose another --output, or pass --overwrite"
        )
    if any((folder / STATES).glob(f"*/{MANIFEST}")):
        raise TrainerError(
            f"{folder}: holds an unfinished training; continue it with --resume, or start anew with --overwrite"
        )


def prepare_output(folder: Path) -> None:
    """Make the output folder, and clear what an earlier run left in it; other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    # training.json goes first: without it the folder does not look whole, whatever happens next.
    for name in (TRAINING_FILE, *RESULTS, STATES):
        for path in (folder / name, partial(folder / name)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


class StepLog:
    """`log.jsonl`: one JSON object a step; has its final name only once the run is done with it.

    Args:
        path: The final name.
        keep_bytes: Continue a log of a killed run, of which so many bytes count; None starts a new one.
    """

    def __init__(self, path: Path, keep_bytes: int | None = None) -> None:
        self._path = path
        self.earlier: list[dict[str, Any]] = []
        self._file = partial(path).open("wb+" if keep_bytes is None else "rb+")
        if keep_bytes is None:
            return
        self._file.truncate(keep_bytes)
        self.earlier = [json.loads(line) for line in self._file]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one step; readable at once by whoever watches the run."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """Have everything on the disk; returns the number of bytes."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def finish(self) -> None:
        """Give the log its final name."""
        self.sync()
        self._file.close()
        partial(self._path).replace(self._path)


class NoLog:
    """A log for processes other than the first: keeps nothing."""

    def __init__(self) -> None:
        self.earlier: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, entry: Mapping[str, Any]) -> None:
        """Nothing."""

    def sync(self) -> int:
        """Nothing."""
        return 0

    def finish(self) -> None:
        """Nothing."""
