"""The groups of plugins that a rule file names: check types and functions of installed packages."""

import inspect
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kto_data.errors import Mistake
from kto_data.labelers.rules.checks.check import CHECKS, Check
from kto_data.labelers.rules.sources import Sources


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
