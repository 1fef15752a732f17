"""The kinds of file that hold records; one file each. To add one: a class like those here, and a test.

A container tells which files it fits, checks one before any work, and reads its records one by one.
"""

from collections.abc import Iterator
from typing import Protocol

from kto_data.readers.byte_file import ByteFile
from kto_data.readers.record import Record, Unreadable
from kto_data.registry import Registry


class FileProblemError(Exception):
    """Why nothing of a file can be read; becomes one line of an `InputError`."""


class Container(Protocol):
    """A kind of file."""

    def fits(self, file: ByteFile, head: bytes) -> bool:
        """Return whether a file is of this kind, by its extension and first bytes."""
        ...

    def columns(self, file: ByteFile) -> list[str] | None:
        """Return the names of its columns, or None where each record has its own keys.

        Raises:
            FileProblemError: Nothing of the file can be read.
        """
        ...

    def records(self, file: ByteFile) -> Iterator[Record | Unreadable]:
        """Yield its records in order, each with its number, and what could not be read of them."""
        ...


CONTAINERS: Registry[type[Container]] = Registry(
    "container", package="kto_data.readers.containers", group="kto_data.containers"
)

FALLBACK = "jsonl"
"""What text of no known kind is taken for."""


def detect(file: ByteFile, head: bytes) -> str:
    """Return the name of the container that a file is."""
    return next((name for name in CONTAINERS if CONTAINERS.get(name)().fits(file, head)), FALLBACK)
