"""The pipeline files that ship with the toolkit."""

from pathlib import Path

import kto_data
from kto_data.errors import InputError, did_you_mean


def shipped_pipeline(name: str) -> Path:
    """Return the pipeline file of that name.

    Raises:
        InputError: None has it; the message suggests one.
    """
    paths = {path.stem: path for path in _folder().glob("*.yaml")}
    if name not in paths:
        raise InputError(f"there is no pipeline builtin:{name}{did_you_mean(name, paths)}")
    return paths[name]


def _folder() -> Path:
    package = Path(kto_data.__file__).parent
    installed = package / "shipped" / "pipelines"
    return installed if installed.is_dir() else package.parent / "pipelines"  # the latter in a checkout
