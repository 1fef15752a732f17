"""Pushes a dataset folder to the Hugging Face hub, through `datasets`."""

from pathlib import Path
from typing import Any, Protocol

from kto_data.dataset.read import verify
from kto_data.errors import UnavailableError


class Hub(Protocol):
    """What is asked of `huggingface_hub.HfApi`."""

    def upload_file(self, *, path_or_fileobj: Any, path_in_repo: str, repo_id: str, repo_type: str) -> Any:
        """Put a file into a repository."""
        ...


def push_to_hub(folder: Path, repo_id: str, *, private: bool = True, hub: Hub | None = None) -> str:
    """Push the splits with `datasets.DatasetDict.push_to_hub`, then the card and `balance.json`; return the address.

    The rows keep their order. `datasets` writes shards of its own under `data/`, so the card names those, and
    `manifest.json`, whose checksums are of our shards, stays here. The token comes from the environment (HF_TOKEN) or
    the hub's own login.

    Args:
        folder: A dataset folder of ours; it is verified first.
        repo_id: `owner/name`.
        private: Whether only its owner sees it.
        hub: Whom to give the further files to; the hub by default.

    Raises:
        InputError: The folder is not what its manifest says.
        UnavailableError: `datasets` is not installed, or the hub refuses.
    """
    manifest = verify(folder)
    try:
        from datasets import DatasetDict, load_dataset
        from huggingface_hub import HfApi
    except ImportError:
        raise UnavailableError("pushing to the hub needs: pip install datasets") from None
    files: dict[str, list[str]] = {}
    for shard in manifest.shards:
        files.setdefault(shard.split, []).append(str(folder / shard.path))
    splits: DatasetDict = load_dataset("parquet", data_files=files)
    card = (folder / "README.md").read_text(encoding="utf-8")
    for split in files:
        card = card.replace(f'path: "{split}-*.parquet"', f'path: "data/{split}-*"')
    to = hub or HfApi()
    try:
        splits.push_to_hub(repo_id, private=private)
        for name, content in (
            ("README.md", card.encode()),
            ("balance.json", (folder / "balance.json").read_bytes()),
        ):
            to.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo_id, repo_type="dataset")
    except Exception as error:  # noqa: BLE001 - errors of several libraries; all mean that the hub refused
        first = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise UnavailableError(f"{repo_id}: the Hugging Face hub refused: {first}") from None
    return f"https://huggingface.co/datasets/{repo_id}"
