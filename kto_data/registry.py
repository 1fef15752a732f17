"""Plugins by name: one file holds one plugin, registered by decorator and found by scanning its package.

A name is looked up in the package's source first, so that only the module that registers it is imported. Plugins
of other distributions come from an entry point group of the same name as the registry.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Generic, TypeVar

from kto_data.errors import did_you_mean

T = TypeVar("T")
P = TypeVar("P")

_REGISTERED = re.compile(r"""^@\w+\.register\(((?:\s*["'][^"']+["'],?)+)\s*\)""", re.MULTILINE)
_NAME = re.compile(r"""["']([^"']+)["']""")


class Registry(Generic[T]):
    """The plugins of one kind.

    Args:
        kind: What the plugins are, for messages: `check type`, `aggregator`.
        package: The package whose modules are scanned on first use, such as `kto_data.aggregators`.
        group: The entry point group of plugins from outside, such as `kto_data.aggregators`.

    >>> shapes: Registry[type] = Registry("shape", package="", group="")
    >>> @shapes.register("round")
    ... class Round: ...
    >>> shapes.get("round").__name__
    'Round'
    >>> shapes.get("rond")
    Traceback (most recent call last):
        ...
    KeyError: "unknown shape 'rond'; did you mean 'round'?"
    """

    def __init__(self, kind: str, *, package: str, group: str) -> None:
        self.kind = kind
        self._package = package
        self._group = group
        self._plugins: dict[str, T] = {}
        self._scanned = False

    def register(self, *names: str) -> Callable[[P], P]:
        """Return a decorator that registers a plugin under each of the names."""

        def decorate(plugin: P) -> P:
            for name in names:
                if name in self._plugins:
                    raise ValueError(f"{self.kind} {name!r} is registered twice")
                self._plugins[name] = plugin  # type: ignore[assignment]  # T is bound by the registry's user
            return plugin

        return decorate

    def get(self, name: str) -> T:
        """Return the plugin of that name.

        Raises:
            KeyError: No plugin has it; the message lists or suggests those that exist.
        """
        if name not in self:
            raise KeyError(f"unknown {self.kind} {name!r}{did_you_mean(name, self._plugins)}")
        return self._plugins[name]

    def __contains__(self, name: str) -> bool:
        if name not in self._plugins and name in self._modules:
            importlib.import_module(self._modules[name])
        if name not in self._plugins:
            self._scan()
        return name in self._plugins

    def __iter__(self) -> Iterator[str]:
        self._scan()
        return iter(sorted(self._plugins))

    @cached_property
    def _modules(self) -> Mapping[str, str]:
        """The module that registers each name, as its source says; what is not written there, a scan finds."""
        if not self._package:
            return {}
        found: dict[str, str] = {}
        for folder in map(Path, importlib.import_module(self._package).__path__):
            for file in sorted(folder.glob("*.py")):
                for registered in _REGISTERED.finditer(file.read_text(encoding="utf-8")):
                    found.update(dict.fromkeys(_NAME.findall(registered[1]), f"{self._package}.{file.stem}"))
        return found

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True  # first, because a scanned module may ask the registry
        if self._package:
            package = importlib.import_module(self._package)
            for module in pkgutil.walk_packages(package.__path__, self._package + "."):
                importlib.import_module(module.name)
        if self._group:
            for point in entry_points(group=self._group):
                point.load()
