"""Files that appear whole or not at all, and their content hashes."""

import json
import os
from pathlib import Path
from typing import Any

import xxhash

_CHUNK_BYTES = 1 << 20


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file under a temporary name, then rename it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def hash_file(path: Path) -> str:
    """Return the 32 hex digits of xxh3_128 of a file's bytes."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def hash_value(value: Any) -> str:
    """Return the 32 hex digits of xxh3_128 of a value's canonical JSON.

    >>> hash_value({"a": 1, "b": [2]}) == hash_value({"b": [2], "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8"))
