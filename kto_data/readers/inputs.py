"""The files that the `read:` entries name, each checked before any work, with every problem at once."""

import difflib
import glob
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kto_data.errors import InputError, did_you_mean
from kto_data.readers.byte_file import ByteFile
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.entry import AUTO, ReadEntry
from kto_data.readers.layouts import LAYOUTS
from kto_data.readers.mapping import suggest_mapping
from kto_data.readers.sniff import open_file, shown, source_name

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read.

    Attributes:
        path: Where it is.
        name: What messages call it: relative to the base folder where it lies inside.
        entry: How to read it.
        source: The name in front of its row ids; no other file of the run has it.
        file: Its bytes; None for a file without content.
        container: The kind of file, a name of `CONTAINERS`; empty for a file without content.
    """

    path: Path
    name: str
    entry: ReadEntry
    source: str
    file: ByteFile | None
    container: str


def expand(entries: Sequence[ReadEntry], base: Path, *, key: str = "read[{}].path: ") -> list[InputFile]:
    """Return the files of all entries, in the order of the entries, those of a glob by name.

    Args:
        entries: What to read.
        base: The folder that paths are relative to.
        key: What messages call the number of an entry; empty where the user wrote none.

    Raises:
        InputError: A line for every file, glob or variable that is missing or cannot be read.
    """
    problems: list[str] = []
    files: list[InputFile] = []
    first_entry: dict[str, int] = {}
    for index, entry in enumerate(entries):
        for path in _paths(entry, base, key.format(index), problems):
            name = _name(path, base)
            before = first_entry.setdefault(os.path.realpath(path), index)
            if before != index:
                problems.append(f"{name}: is named twice, by read[{before}] and read[{index}]")
                continue
            try:
                files.append(_checked(path, name, entry))
            except FileProblemError as problem:
                problems.append(f"{name}: {problem}")
            except OSError as error:
                problems.append(f"{name}: cannot be opened: {error.strerror}")
    if not problems and all(file.file is None for file in files):
        problems = [f"{file.name}: is empty" for file in files] or ["no input is named"]
    if problems:
        raise InputError("\n".join(problems))
    return _with_unique_sources(files)


def _paths(entry: ReadEntry, base: Path, key: str, problems: list[str]) -> list[Path]:
    """Return the files of one entry, each once, and note what is wrong with its paths."""
    found: dict[str, Path] = {}
    for written in entry.paths:
        try:
            for path in find_paths(written, base):
                found.setdefault(os.path.realpath(path), path)
        except FileProblemError as problem:
            problems.append(f"{key}{written}: {problem}")
        except OSError as error:
            problems.append(f"{key}{written}: cannot be opened: {error.strerror}")
    return list(found.values())


def find_paths(written: str, base: Path) -> list[Path]:
    """Return the files that one path or glob means; raise a problem if there is none."""
    unset = [a or b for a, b in _VARIABLE.findall(written) if (a or b) not in os.environ]
    if unset:
        raise FileProblemError(
            f"the environment variable {unset[0]} is not set; set it first: export {unset[0]}=..."
        )
    pattern = _VARIABLE.sub(lambda match: os.environ[match[1] or match[2]], written)
    if "\0" in pattern:
        raise FileProblemError("a path cannot hold a NUL character")
    path = base / Path(pattern).expanduser()
    if _exists(path):
        if path.is_dir():
            raise FileProblemError(f"is a folder; name its files, such as {_glob_for(path, written)}")
        return [path]
    if not glob.has_magic(pattern):
        raise FileProblemError(f"no such file{_suggest(path)}")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise FileProblemError(f"no file matches{_nearest_folder(path)}")
    return files


def _exists(path: Path) -> bool:
    """Return whether a path names anything, a broken link included; a folder that bars us is an error."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _checked(path: Path, name: str, entry: ReadEntry) -> InputFile:
    source = entry.source or source_name(path)
    opened = open_file(path)
    if opened is None:
        return InputFile(path, name, entry, source, None, "")
    file, container = opened
    columns = CONTAINERS.get(container)().columns(file)
    if columns is not None:
        _check_columns(columns, entry)
    return InputFile(path, name, entry, source, file, container)


def _check_columns(columns: list[str], entry: ReadEntry) -> None:
    """Raise a problem if no record with these columns can be laid out as the entry says."""
    known = set(columns)
    keys: dict[str, str] = entry.columns.model_dump()
    present = {name for name, key in keys.items() if key in known or key.partition(".")[0] in known}
    if entry.format == AUTO:
        formats = [name for name in LAYOUTS if LAYOUTS.get(name)().fits(present)]
        needs = LAYOUTS.get(formats[0])().needs if formats else ("prompt", "completion")
    else:
        needs = LAYOUTS.get(entry.format)().needs
    missing = [keys[name] for name in needs if name not in present]
    if not missing:
        return
    hints = "".join(
        did_you_mean(key, columns) for key in missing if difflib.get_close_matches(key, columns, n=1)
    )
    listed = ", ".join(columns[:20]) or "none"
    raise FileProblemError(
        f"has no column {' and no column '.join(map(repr, missing))}; its columns are: {listed}{hints}; "
        f"{suggest_mapping(columns, [name for name in needs if name not in present])}"
    )


def _with_unique_sources(files: Sequence[InputFile]) -> list[InputFile]:
    """Tell files that share a source apart: by their names, then by their folders, at last by a number."""
    sources = [file.source for file in files]
    for n_folders in range(4):
        sharing: dict[str, list[int]] = defaultdict(list)
        for i, source in enumerate(sources):
            sharing[source].append(i)
        for group in sharing.values():
            longer = {i: _long_source(files[i], n_folders) for i in group}
            if len(set(longer.values())) > 1:
                for i, source in longer.items():
                    sources[i] = source
    taken: set[str] = set()
    unique = []
    for file, source in zip(files, sources, strict=True):
        name, suffix = source, 1
        while name in taken:
            suffix += 1
            name = f"{source}~{suffix}"
        taken.add(name)
        unique.append(replace(file, source=name))
    return unique


def _long_source(file: InputFile, n_folders: int) -> str:
    path = Path(file.name)  # relative to the base folder, so that ids do not depend on where that is
    folders = path.parent.parts[-n_folders:] if n_folders else ()
    return "/".join((*([file.entry.source] if file.entry.source else []), *folders, source_name(path)))


def _name(path: Path, base: Path) -> str:
    return shown(path.relative_to(base) if path.is_relative_to(base) else path)


def _glob_for(folder: Path, written: str) -> str:
    """Return the glob for what a folder has most of."""
    suffixes = Counter("".join(Path(name).suffixes[-2:]) for name in os.listdir(folder))
    suffixes.pop("", None)
    suffix = suffixes.most_common(1)[0][0] if suffixes else ".jsonl"
    return f"{written.rstrip('/')}/*{suffix}"


def _suggest(path: Path) -> str:
    """Return a hint at a file of nearly that name, or at the folder that is missing."""
    if not path.parent.is_dir():
        return _nearest_folder(path)
    close = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _nearest_folder(path: Path) -> str:
    """Return a hint at the first folder of a path that does not exist, if one does not."""
    for folder in reversed(path.parents):
        if glob.has_magic(str(folder)):
            return ""
        if not folder.exists():
            return f"; there is no folder {folder.name} in {folder.parent}"
    return ""
