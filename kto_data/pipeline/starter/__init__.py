"""A folder to start from: a pipeline file, a rule file with tests, and made-up rows."""

from pathlib import Path

from kto_data.errors import InputError

FILES = ("pipeline.yaml", "rules.yaml", "log.jsonl")


def write_starter(folder: Path) -> list[Path]:
    """Write the starter files into a folder, which is made if need be, and return their paths.

    Raises:
        InputError: One of them is there already; nothing is written then.
    """
    paths = [folder / name for name in FILES]
    taken = [path.name for path in paths if path.exists()]
    if taken:
        raise InputError(f"{folder}: has {', '.join(taken)} already; name another folder: kto init FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        path.write_bytes((Path(__file__).parent / path.name).read_bytes())
    return paths
