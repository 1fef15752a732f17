"""What a rule file names outside itself: files beside it, and groups of plugins."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, Mistake
from kto_data.labelers.rules.checks.check import CHECKS, Check


@dataclass(slots=True)
class Sources:
    """The files and plugins that the checks of one rule file may use.

    Attributes:
        file: The rule file.
        functions: The functions of the file's `plugins`, by entry point name, each as `module:function`.
        files: The files that were read: whoever hashes these, hashes the rules.
    """

    file: YamlFile
    functions: dict[str, str] = field(default_factory=dict)
    files: dict[Path, None] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that paths in the rule file are relative to."""
        return self.file.folder

    def read_text(self, name: Any, path: KeyPath) -> str:
        """Return a UTF-8 text file that the rule file names at a key path.

        Raises:
            ConfigError: It is missing or not text, told at that key.
        """
        if not isinstance(name, str) or not name:
            raise self.mistake(path, f"should be the path of a file, not {name!r}")
        place = self.folder / name
        try:
            text = place.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise self.mistake(path, f"no such file: {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise self.mistake(path, f"cannot read {name}: {reason}") from None
        self.files[place] = None
        return text

    def mistake(self, path: KeyPath, message: str) -> ConfigError:
        """Return a mistake at a key path of the rule file, to be raised."""
        return ConfigError([self.file.mistake(path, message)])


def load_plugins(sources: Sources, groups: Sequence[str]) -> list[Mistake]:
    """Load the entry points of the groups that a rule file names under `plugins`; return what is wrong.

    An entry point is a `Check`, which becomes a check type of that name, or a function, which
    `python: {ref: NAME}` can name. Nothing of a group is loaded unless a file names it.
    """
    mistakes = []
    for index, group in enumerate(groups):
        points = sorted(entry_points(group=group), key=lambda point: point.name)
        at = ("plugins", index)
        if not points:
            mistakes.append(sources.file.mistake(at, f"no installed package has entry points of {group!r}"))
        problems = [problem for point in points if (problem := _load(sources, point))]
        mistakes += (sources.file.mistake(at, problem) for problem in problems)
    return mistakes


def _load(sources: Sources, point: EntryPoint) -> str | None:
    try:
        plugin: Check | Callable[..., Any] = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises on import is a mistake of the file's
        return f"{point.name} cannot be loaded: {type(error).__name__}: {error}"
    if inspect.isclass(plugin) and issubclass(plugin, Check):
        if point.name in CHECKS:
            known = CHECKS.get(point.name)
            return None if known is plugin else f"{point.name!r} is the name of another check type"
        CHECKS.register(point.name)(plugin)
        return None
    if not callable(plugin):
        return f"{point.name} is neither a check type nor a function"
    sources.functions[point.name] = point.value
    return None
