"""Patterns compiled by Hyperscan, which takes seconds for hundreds of them, and kept on disk for the next time.

Hyperscan is optional (`pip install 'kto-data[hyperscan]'`); without it there is no scanner.
"""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import xxhash

_A_SET = 1000
"""The most patterns of one database."""


class Scan(Protocol):
    """Compiled patterns."""

    @property
    def scanned(self) -> Sequence[int]:
        """The numbers of the patterns that Hyperscan reads."""
        ...

    def find(self, text: memoryview) -> Sequence[int]:
        """Return the places in `scanned` of the patterns that are found in a text."""
        ...


def scanner(patterns: Sequence[str]) -> Scan | None:
    """Return the patterns compiled, None without Hyperscan."""
    try:
        import hyperscan
    except ImportError:
        return None
    parts = [
        part
        for first in range(0, len(patterns), _A_SET)
        for part in _databases(hyperscan, patterns, range(first, min(first + _A_SET, len(patterns))))
    ]
    return _Databases(parts) if parts else None


class _Databases:
    """Databases, each with the numbers of its patterns."""

    def __init__(self, parts: Sequence[tuple[Any, Sequence[int]]]) -> None:
        self.scanned = [number for _, numbers in parts for number in numbers]
        self._parts = []
        first = 0
        for database, numbers in parts:
            self._parts.append((database, first))
            first += len(numbers)

    def find(self, text: memoryview) -> Sequence[int]:
        """Return the places in `scanned` of the patterns that are found in a text."""
        found: list[int] = []
        for database, first in self._parts:
            database.scan(
                text,
                match_event_handler=lambda number, start, end, flags, first: found.append(first + number),
                context=first,
            )
        return sorted(set(found))


def _databases(
    hyperscan: Any, patterns: Sequence[str], numbers: Sequence[int]
) -> list[tuple[Any, Sequence[int]]]:
    """Return databases for some of the patterns, without those that Hyperscan cannot read."""
    expressions = [patterns[number].encode() for number in numbers]
    kept = _kept(hyperscan, expressions)
    if kept is not None:
        return [(kept, numbers)]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH
    try:
        database.compile(
            expressions=expressions, ids=list(range(len(numbers))), elements=len(numbers), flags=flags
        )
    except _errors(hyperscan):  # of one of them, it does not say which
        if len(numbers) == 1:
            return []
        half = len(numbers) // 2
        return [
            part
            for some in (numbers[:half], numbers[half:])
            for part in _databases(hyperscan, patterns, some)
        ]
    _keep(hyperscan, expressions, database)
    return [(database, numbers)]


def _place(hyperscan: Any, expressions: Sequence[bytes]) -> Path:
    """Return where the database of some patterns is kept: in the user's cache, by all that it depends on."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    about = f"{hyperscan.__version__} {platform.machine()} {platform.processor()}".encode()
    key = xxhash.xxh3_128_hexdigest(b"\x00".join([about, *expressions]))
    return Path(home) / "kto-data" / "hyperscan" / f"{key}.db"


def _kept(hyperscan: Any, expressions: Sequence[bytes]) -> Any:
    """Return the database that an earlier run kept, None if there is none that this machine can use."""
    try:
        database = hyperscan.loadb(_place(hyperscan, expressions).read_bytes(), hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except _errors(hyperscan):
        return None
    return database


def _keep(hyperscan: Any, expressions: Sequence[bytes], database: Any) -> None:
    """Keep a database for the next time, if it can be kept."""
    place = _place(hyperscan, expressions)
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(hyperscan.dumpb(database))
        os.replace(partial, place)
    except _errors(hyperscan):
        partial.unlink(missing_ok=True)


def _errors(hyperscan: Any) -> tuple[type[Exception], ...]:
    """Return what compiling, keeping and loading raise: Hyperscan's two families among them."""
    return OSError, RuntimeError, hyperscan.error, hyperscan.HyperscanError
