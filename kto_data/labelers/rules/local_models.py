"""Models that checks run on this machine: from a folder, or by a hub id that the user gives.

A model is data: no code of its own is run, and weights are read from safetensors only, since the older format can
carry code. torch and transformers come with the extra `train` and are imported on first use.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from kto_data.errors import UnavailableError

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_EDGE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready, with its tokenizer.

    Attributes:
        tokenizer: Turns text into tokens.
        model: The model, in evaluation mode.
        folder: The folder that it is from; None for one of the hub.
    """

    tokenizer: Any
    model: Any
    folder: Path | None


def resolve_model(options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> dict[str, Any]:
    """Return a check's options with where its model is, and what tells it from others.

    Raises:
        ConfigError: The model is neither a folder with a model in it nor a hub id.
    """
    known = {key: value for key, value in options.items() if key not in ("folder", "fingerprint")}
    name = options.get("model")
    if not isinstance(name, str) or not name:
        return known
    folder = sources.folder / name
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise sources.mistake((*path, "model"), f"the folder {name} has no model in it: no config.json")
        return {**known, "folder": str(folder.resolve()), "fingerprint": fingerprint(folder)}
    if not _HUB_ID.fullmatch(name):
        raise sources.mistake(
            (*path, "model"), f"no such folder: {name}; or give a hub id, such as owner/model"
        )
    return known


def labels_of(folder: str) -> tuple[str, ...] | None:
    """Return the labels of the classifier in a folder; None where they cannot be told."""
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        return tuple(str(label) for label in config["id2label"].values())
    except (OSError, ValueError, KeyError, AttributeError):
        return None


@lru_cache(maxsize=8)
def load(kind: str, model: str, folder: str, device: str) -> Loaded:
    """Load a model.

    Args:
        kind: The Auto class of transformers for it, such as `AutoModelForCausalLM`.
        model: Its name as the user gave it.
        folder: The folder that it is in; empty for one of the hub.
        device: Where it runs: `cpu`, `cuda`.

    Raises:
        UnavailableError: The extra `train` is not installed, or the model cannot be loaded.
    """
    try:
        import transformers
    except ImportError:
        raise UnavailableError(
            f"the model {model} needs torch and transformers: pip install 'kto-data[train]'"
        ) from None
    options = {"trust_remote_code": False, "local_files_only": bool(folder)}
    place = folder or model
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **options)
        loaded = getattr(transformers, kind).from_pretrained(place, use_safetensors=True, **options)
        loaded = loaded.to(device).eval()
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0][:300]
        raise UnavailableError(f"the model {model} cannot be loaded: {reason}") from None
    return Loaded(tokenizer, loaded, Path(folder) if folder else None)


def fingerprint(folder: Path) -> str:
    """Return a hash of a model's files: their names and sizes, and the first and last bytes of each."""
    digest = xxhash.xxh3_64()
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".json", ".safetensors", ".txt", ".model"):
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}:{size};".encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE_BYTES))
            file.seek(max(size - _EDGE_BYTES, 0))
            digest.update(file.read(_EDGE_BYTES))
    return digest.hexdigest()
