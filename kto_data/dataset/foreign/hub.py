"""A dataset of the Hugging Face hub as Parquet files."""

import re
from pathlib import Path

from kto_data.errors import InputError, UnavailableError

_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+$")


def fetch(named: str, scratch: Path) -> Path:
    """Download the splits of a dataset with `datasets` and write each as Parquet.

    Code that comes with a dataset is never run.

    Raises:
        InputError: It is no id of the hub, nor a path that exists.
        UnavailableError: `datasets` is not installed, or the hub cannot be reached or does not have it.
    """
    if not _ID.match(named) or "." in named.rpartition("/")[2][-6:]:
        raise InputError(f"{named}: no such file or folder, and no id of the Hugging Face hub (OWNER/NAME)")
    try:
        from datasets import load_dataset
    except ImportError:
        raise UnavailableError(
            f"{named} would be fetched from the Hugging Face hub, which needs: pip install datasets"
        ) from None
    try:
        found = load_dataset(named)
    except Exception as error:  # noqa: BLE001 - datasets raises errors of many libraries; all mean it cannot be had
        raise UnavailableError(
            f"{named}: no such file or folder here, and the Hugging Face hub does not give it: "
            f"{str(error).splitlines()[0][:200] if str(error) else type(error).__name__}"
        ) from None
    folder = scratch / "hub"
    folder.mkdir()
    for split, dataset in found.items():
        dataset.to_parquet(str(folder / f"{split}.parquet"))
    return folder
