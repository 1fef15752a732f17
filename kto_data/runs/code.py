"""The version of the code, so that a run redoes what was made by other code."""

import functools
from importlib.util import find_spec
from pathlib import Path

import kto_data
from kto_data.runs.files import hash_file, hash_value


@functools.cache
def code_version(*packages: str) -> str:
    """Return the release and 8 hex digits over the source of some packages.

    The release alone would not do: whoever changes a file in a checkout expects the run to notice.
    """
    sources: dict[str, str] = {}
    for package in packages:
        spec = find_spec(package)  # finds without importing: the trainer's package may need torch
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(folder).rglob("*.py")):
                sources[f"{package}/{path.relative_to(folder).as_posix()}"] = hash_file(path)
    return f"{kto_data.__version__}+{hash_value(sources)[:8]}"
