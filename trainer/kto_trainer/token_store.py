"""Tokens of a dataset's rows on disk, read a row at a time, so that data may be larger than memory.

`DATASET/.cache/tokens/<key>/` holds `tokens.bin` (all rows' ids, int32, one after the other) and `index.npy` (50 bytes
for each of the split's rows: where its ids begin, lengths, hashes, what was cut). The key covers the dataset's manifest,
which names its shards' hashes, the tokenizer with its chat template, and the length. The folder appears whole; one
that does not fit is made again.
"""

import hashlib
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from kto_trainer.dataset import Split, Text
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.flat_file import FlatFile
from kto_trainer.identity import CACHE
from kto_trainer.sequences import Hashes, ids_hash

VERSION = 2  # of how rows become tokens: higher with every change to it
MIN_ROWS = 2000  # below, encoding takes less time than it is worth keeping
MANIFEST = "manifest.sha256"  # of the dataset that the tokens are of
ABANDONED_S = 3600.0  # a half-written folder that nothing was added to for so long is a killed run's
INDEX = np.dtype(
    [
        ("start", "<i8"),
        ("prompt", "<i4"),
        ("completion", "<i4"),
        ("prompt_hash", "<u8", 2),
        ("completion_hash", "<u8", 2),
        ("prompt_cut", "?"),
        ("completion_cut", "?"),
    ]
)
Say = Callable[[str], None]


class TokenStore:
    """N rows' tokens in an open file, cut to the length; rows are numbered as in their split."""

    def __init__(self, index_N: np.ndarray, ids: FlatFile) -> None:
        self.index_N = index_N
        self._ids = ids

    def __len__(self) -> int:
        return len(self.index_N)

    def __getitem__(self, number: int, /) -> Tokens:
        row = self.index_N[number]
        n_prompt = int(row["prompt"])
        ids = self._ids.read(int(row["start"]), n_prompt + int(row["completion"])).tolist()
        return Tokens(ids[:n_prompt], ids[n_prompt:])

    def __iter__(self) -> Iterator[Tokens]:
        return (self[number] for number in range(len(self)))

    def hashes(self) -> Hashes:
        """See `Sequences`."""
        index = self.index_N
        return Hashes(index["prompt_hash"], index["completion_hash"], index["prompt"] + index["completion"])


def stored_tokens(
    split: Split, encoder: Encoder, say: Say = lambda _: None, *, keep: bool = True
) -> TokenStore:
    """The split's rows in tokens, cut to the length: kept ones, else encoded and kept.

    Args:
        split: The rows.
        encoder: Tokenizer and length.
        say: Takes messages for people.
        keep: Keep them beside the dataset, if there are many; otherwise in a temporary file.
    """
    folder = store_folder(split, encoder) if keep and len(split) >= MIN_ROWS else None
    if folder is None:
        return _temporary(split, encoder)
    found = _open(folder, len(split))
    if found is not None:
        return found
    say(f"tokenising {len(split)} rows, once: kept in {folder}")
    try:
        _make(folder, split, encoder)
    except OSError as error:  # a folder that may not be written, or is full
        say(f"the tokens are not kept, the next run makes them again: {error}")
        return _temporary(split, encoder)
    made = _open(folder, len(split))
    return _temporary(split, encoder) if made is None else made


def store_folder(split: Split, encoder: Encoder) -> Path | None:
    """Where these tokens are kept; None for a tokenizer whose content cannot be hashed."""
    inner = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if inner is None:
        return None
    tokenizer = encoder.tokenizer
    parts = [
        str(VERSION),
        split.manifest_sha256,
        split.name,
        inner.to_str(),
        str(tokenizer.chat_template),
        str((tokenizer.bos_token_id, tokenizer.eos_token_id, encoder.max_length)),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return split.folder / CACHE / "tokens" / digest


def _open(folder: Path, n_rows: int) -> TokenStore | None:
    try:
        index_N = np.load(folder / "index.npy", allow_pickle=False)
        ids = FlatFile.open(folder / "tokens.bin", np.int32)
    except (OSError, ValueError, EOFError):
        return None
    if index_N.dtype != INDEX or len(index_N) != n_rows:
        return None
    whole = len(ids) == int(index_N["prompt"].sum()) + int(index_N["completion"].sum())
    return TokenStore(index_N, ids) if whole else None


def _make(folder: Path, split: Split, encoder: Encoder) -> None:
    temporary = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.partial")
    temporary.mkdir(parents=True)
    _clear_abandoned(folder.parent)
    _clear_outdated(folder.parent, split.manifest_sha256)
    try:
        (temporary / MANIFEST).write_text(split.manifest_sha256, encoding="ascii")
        ids = FlatFile.create(temporary / "tokens.bin", np.int32)
        np.save(temporary / "index.npy", _encode(split, encoder, ids))
        ids.flush()
        shutil.rmtree(folder, ignore_errors=True)  # what is there does not fit
        with suppress(OSError):  # another run was faster: its tokens are the same
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clear_outdated(folder: Path, manifest_sha256: str) -> None:
    """Remove the tokens of what the dataset was before; a run that still reads them keeps its open files."""
    for path in folder.iterdir():
        if path.suffix == ".partial" or not path.is_dir():
            continue
        with suppress(OSError, ValueError):
            noted = path / MANIFEST
            if not noted.is_file() or noted.read_text(encoding="ascii") != manifest_sha256:
                shutil.rmtree(path, ignore_errors=True)


def _clear_abandoned(folder: Path) -> None:
    for path in folder.glob("*.partial"):
        with suppress(OSError):
            newest = max(item.stat().st_mtime for item in (path, *path.iterdir()))
            if time.time() - newest > ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


def _temporary(split: Split, encoder: Encoder) -> TokenStore:
    ids = FlatFile.temporary(np.int32)
    return TokenStore(_encode(split, encoder, ids), ids)


def _encode(split: Split, encoder: Encoder, ids: FlatFile) -> np.ndarray:
    """Write all rows' ids in the shards' order; returns the index in the rows' order."""
    index_N = np.zeros(len(split), INDEX)
    numbers: deque[int] = deque()

    def texts() -> Iterator[tuple[Text, Text]]:
        for row in split.texts():
            numbers.append(row.number)
            yield row.prompt, row.completion

    for tokens in encoder.encode_all(texts()):
        (prompt, completion), prompt_cut, completion_cut = encoder.fit(tokens)
        index_N[numbers.popleft()] = (
            ids.append(np.array([*prompt, *completion], np.int32)),
            len(prompt),
            len(completion),
            ids_hash(prompt),
            ids_hash(completion),
            prompt_cut,
            completion_cut,
        )
    return index_N
